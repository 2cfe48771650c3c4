//! Variables: no text and no build argument makes their expansion panic, and what it says does not depend on what has no part in it.

use dockerfile::{Dockerfile, ImageUse, Inputs};

use crate::spans;

/// Checks one text under some inputs.
pub fn check(text: &str, inputs: &Inputs) {
    let file = Dockerfile::read(text);
    let uses = file.image_uses(inputs);
    for image_use in &uses {
        spans::inside(&file, &(0..text.len()), &image_use.span);
        match &image_use.resolved {
            Ok(image) => {
                let written_out = Dockerfile::read(&format!("FROM {image}\n"));
                let again: Vec<ImageUse> = written_out.image_uses(&Inputs::default());
                let again: Vec<_> = again.iter().map(|again| again.resolved.as_ref()).collect();
                assert_eq!(again, [Ok(image)], "written out it is the same image");
            }
            Err(unresolved) => {
                assert!(!unresolved.reason.is_empty());
                assert!(
                    unresolved.reason.len() < 8 * 1024 + 2 * image_use.written.len(),
                    "a reason can be read"
                );
            }
        }
    }
    let again = Dockerfile::read(&file.to_string()).image_uses(inputs);
    assert!(again == uses, "read again it uses the same images");
    let mut more = inputs.clone();
    more.arguments.insert("NOBODY_NAMES_THIS".to_owned(), "r.io/evil:1".to_owned());
    if !text.contains("NOBODY_NAMES_THIS") {
        assert!(file.image_uses(&more) == uses, "what nobody names changes nothing");
    }
    // A build argument that nobody declares is not seen.
    let globals = || file.global_arguments().flat_map(|global| global.pairs());
    if let Some((name, _)) = inputs.arguments.first_key_value()
        && !globals().any(|pair| pair.name.text == *name)
        && name != "BUILDKIT_SYNTAX"
        && !name.starts_with("BUILD")
        && !name.starts_with("TARGET")
    {
        let mut fewer = inputs.clone();
        fewer.arguments.remove(name);
        assert!(file.image_uses(&fewer) == uses, "what is not declared changes nothing");
    }
}
