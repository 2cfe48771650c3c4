//! What a reference in a Dockerfile means: an image, a stage, nothing, or what cannot be told. Not where references stand.

use std::{collections::BTreeMap, ops::Range};

use artifact::{BaseRole, ImageRef};

use super::{ImageUse, Unresolved};
use crate::{
    document::Dockerfile,
    expand::Scope,
    instruction::{Instruction, Keyword, Word},
    stage::{Named, Stage, StageNames},
};

/// What a reference turns out to be.
pub(super) enum Meaning {
    Image(ImageRef),
    Stage(usize),
    /// The empty image.
    Scratch,
    Unresolved(String),
}

impl Meaning {
    /// The use that it makes there; none where no image is used.
    pub(super) fn image_use(
        self,
        role: BaseRole,
        stage: &Stage,
        line: usize,
        span: Range<usize>,
        written: &str,
    ) -> Option<ImageUse> {
        let resolved = match self {
            Self::Scratch | Self::Stage(_) => return None,
            Self::Image(image) => Ok(image),
            Self::Unresolved(reason) => Err(Unresolved { reason }),
        };
        let (written, stage_name) = (written.to_owned(), stage.name.clone());
        Some(ImageUse { role, stage: Some(stage.index), stage_name, line, span, written, resolved })
    }
}

/// Names that buildah takes for the storage to read from (`containers/image` transports), where BuildKit sees a repository.
const TRANSPORTS: [&str; 10] = [
    "containers-storage",
    "dir",
    "docker",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "ostree",
    "sif",
    "tarball",
];

/// The names of one file under one set of build arguments.
pub(super) struct Resolver<'a> {
    scope: Scope<'a>,
    names: StageNames,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(file: &Dockerfile, build_args: &'a BTreeMap<String, String>) -> Self {
        let scope = Scope::new(file.global_arguments(), file.escape(), build_args);
        Self { scope, names: StageNames::new(file.stages()) }
    }

    /// What a FROM stands on.
    pub(super) fn base(&self, stage: &Stage) -> Meaning {
        let Some(Word { text: written, .. }) = &stage.base else {
            return Meaning::Unresolved("FROM names nothing".to_owned());
        };
        let name = match self.scope.expand(written) {
            Ok(name) => name,
            Err(error) => {
                return Meaning::Unresolved(format!(
                    "{written} cannot be resolved: {error}; write the reference out"
                ));
            }
        };
        let literal = !written.contains('$');
        let disputed = |how: &str| {
            Meaning::Unresolved(format!("{name} is a stage to some builders and an image to others: {how}"))
        };
        match self.names.named(&name) {
            Named::Stage(index) if index < stage.index && literal => Meaning::Stage(index),
            Named::Stage(index) if index < stage.index => {
                disputed("it comes from an ARG; write the stage's name itself")
            }
            // `FROM alpine AS alpine` stands on the image for every builder.
            Named::Stage(index) | Named::OtherCase(index) if index == stage.index => image(&name, written),
            Named::Stage(_) => disputed("a later stage has that name; rename it"),
            Named::OtherCase(_) => disputed("a stage's name differs in case alone; write both alike"),
            Named::Several(_) => disputed("several stages have that name; give each its own"),
            Named::Nothing if name == "scratch" => Meaning::Scratch,
            Named::Nothing if is_number(&name) => disputed("name the stage and write its name"),
            Named::Nothing if name.is_empty() => Meaning::Unresolved(format!(
                "{written} is empty without a build argument; give its ARG a default before the first FROM"
            )),
            Named::Nothing => image(&name, written),
        }
    }

    /// The uses inside a stage's instruction, or inside the one it defers.
    pub(super) fn inner(&self, stage: &Stage, instruction: &Instruction, uses: &mut Vec<ImageUse>) {
        let deferred = instruction.trigger();
        let inner = deferred.unwrap_or(instruction);
        let line = instruction.line;
        let mut add =
            |role, value: &Option<String>, value_span: &Option<Range<usize>>, all: &Range<usize>| {
                let written = value.as_deref().unwrap_or_default();
                let meaning = match value_span {
                    _ if written.is_empty() => {
                        Meaning::Unresolved("from names nothing; write from=<image or stage>".to_owned())
                    }
                    None => Meaning::Unresolved(format!(
                        "the quotes around {written} do not pair up; remove them"
                    )),
                    Some(_) => self.source(role, stage, written, deferred),
                };
                let span = value_span.clone().unwrap_or(all.clone());
                uses.extend(meaning.image_use(role, stage, line, span, written));
            };
        match inner.keyword {
            // ADD has no --from; whatever a builder makes of one, it is looked at.
            Keyword::Copy | Keyword::Add => {
                for flag in inner.flags.iter().filter(|flag| flag.name.eq_ignore_ascii_case("from")) {
                    add(BaseRole::Copy, &flag.value, &flag.value_span, &flag.span);
                }
            }
            Keyword::Run => {
                for flag in &inner.flags {
                    for field in flag.fields.iter().filter(|field| field.key.trim() == "from") {
                        add(BaseRole::Mount, &field.value, &field.value_span, &flag.span);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a `--from` or `from=` means. Variables are expanded by some builders and refused by others.
    fn source(
        &self,
        role: BaseRole,
        stage: &Stage,
        written: &str,
        deferred: Option<&Instruction>,
    ) -> Meaning {
        if written.contains(['$', '\\', '`', '\'', '"']) {
            return Meaning::Unresolved(format!(
                "{written} is not expanded here by every builder; name a stage with FROM {written} AS <name> and copy from that"
            ));
        }
        let disputed = |how: &str| {
            Meaning::Unresolved(format!("{written} does not mean the same to every builder: {how}"))
        };
        let named = self.names.named(written);
        if deferred.is_some() {
            return match named {
                Named::Nothing if !is_number(written) => image_or_scratch(written),
                _ => disputed("an ONBUILD trigger looks it up in the build on top; name an image"),
            };
        }
        match named {
            Named::Stage(index) if index < stage.index => Meaning::Stage(index),
            // COPY waits for a later stage in every builder; a mount does not.
            Named::Stage(index) if index > stage.index && role == BaseRole::Copy => Meaning::Stage(index),
            Named::Stage(_) => disputed("that stage is not finished here; put it before this one"),
            Named::OtherCase(_) => disputed("a stage's name differs in case alone; write both alike"),
            Named::Several(_) => disputed("several stages have that name; give each its own"),
            Named::Nothing if is_number(written) => match stage_number(written) {
                Some(index) if index < stage.index && role == BaseRole::Copy => Meaning::Stage(index),
                _ => disputed(
                    "it is not the number of a stage before this one; name the stage and write its name",
                ),
            },
            Named::Nothing => image_or_scratch(written),
        }
    }
}

fn image_or_scratch(name: &str) -> Meaning {
    if name == "scratch" { Meaning::Scratch } else { image(name, name) }
}

/// The image that `name` is; `written` is what the file says where it does not say `name`.
pub(super) fn image(name: &str, written: &str) -> Meaning {
    if let Some((transport, _)) = name.split_once(':').filter(|(first, _)| TRANSPORTS.contains(first)) {
        return Meaning::Unresolved(format!(
            "{written} names the storage `{transport}:` to some builders and a repository to others; write the registry's host before it"
        ));
    }
    match name.parse() {
        Ok(image) => Meaning::Image(image),
        Err(error) => Meaning::Unresolved(match written == name {
            true => format!("{error}; write [<registry>/]<repository>[:<tag>]"),
            false => {
                format!("{written} expands to what is no image: {error}; check the ARG that it comes from")
            }
        }),
    }
}

/// Whether some builder may take the text for a stage's number (Go's `strconv.Atoi`).
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The number in the one spelling that every builder takes for a stage's.
fn stage_number(text: &str) -> Option<usize> {
    let plain = text == "0" || (!text.starts_with(['0', '+', '-']));
    text.parse().ok().filter(|_| plain)
}
