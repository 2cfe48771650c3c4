//! Reading: no text makes it panic, and what was read is the text.

use dockerfile::Dockerfile;

use crate::spans;

/// Checks one text.
pub fn check(text: &str) {
    let file = Dockerfile::read(text);
    assert_eq!(file.to_string(), text, "what was read is the text");
    assert_eq!(file.text(), text);
    spans::check(&file);
    let lines = 1 + text.matches('\n').count();
    for instruction in file.instructions() {
        assert!(1 <= instruction.line && instruction.line <= instruction.last_line, "{instruction:?}");
        assert!(instruction.last_line <= lines, "{instruction:?}");
    }
    for stage in file.stages() {
        let _all = file.body(stage).count();
    }
    for dispute in file.disputes() {
        let _told = dispute.to_string();
    }
    match Dockerfile::parse(text) {
        Ok(strict) => assert!(strict == file && file.errors().is_empty()),
        Err(errors) => {
            assert_eq!(errors.0, file.errors());
            assert!(!errors.to_string().is_empty());
        }
    }
    assert!(Dockerfile::read(&file.to_string()) == file, "reading it again gives the same");
}
