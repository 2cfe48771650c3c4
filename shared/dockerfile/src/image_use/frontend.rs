//! The image that interprets a Dockerfile. Not what it makes of the file.

use std::collections::BTreeMap;

use artifact::BaseRole;

use super::{
    ImageUse, Unresolved,
    resolve::{Meaning, image},
};
use crate::{
    directive::{DirectiveName, directive_in},
    document::Dockerfile,
};

/// The images that interpret the file: `# syntax=`, also behind a shebang, and the build argument that overrides it.
pub(super) fn frontends(file: &Dockerfile, build_args: &BTreeMap<String, String>) -> Vec<ImageUse> {
    let frontend = |line, span, written: &str, resolved| ImageUse {
        role: BaseRole::Frontend,
        stage: None,
        stage_name: None,
        line,
        span,
        written: written.to_owned(),
        trigger: None,
        resolved,
    };
    let mut uses = Vec::new();
    if let Some(written) = build_args.get("BUILDKIT_SYNTAX") {
        let reason =
            "the build argument BUILDKIT_SYNTAX names the frontend; write # syntax= instead".to_owned();
        uses.push(frontend(1, 0..0, written, Err(Unresolved { reason })));
    }
    for (line, value_start, value) in syntax_directives(file) {
        // What follows a blank is the frontend's own command line.
        let written = value.split(' ').next().unwrap_or_default();
        let resolved = match image(written, written) {
            Meaning::Image(image) => Ok(image),
            Meaning::Unresolved(reason) => Err(Unresolved { reason }),
            Meaning::Stage(_) | Meaning::Scratch => continue,
        };
        uses.push(frontend(line, value_start..value_start + written.len(), written, resolved));
    }
    uses
}

/// Line, offset and value of each `syntax` directive.
fn syntax_directives(file: &Dockerfile) -> Vec<(usize, usize, &str)> {
    let directive = file.directive(DirectiveName::Syntax);
    let mut found: Vec<(usize, usize, &str)> = directive
        .map(|directive| (directive.line, directive.value_span.start, directive.value.as_str()))
        .into_iter()
        .collect();
    let mut comments = file.comments().peekable();
    let shebang = comments.next_if(|first| first.line == 1 && file.source(&first.span).starts_with("#!"));
    let mut expected = 2;
    while let Some(comment) = comments.next_if(|comment| shebang.is_some() && comment.line == expected) {
        let text = file.source(&comment.span);
        let Some((name, offset, value)) = directive_in(text) else { break };
        if name == DirectiveName::Syntax {
            found.push((comment.line, comment.span.start + offset, value));
        }
        expected += 1;
    }
    found
}
