//! Files that are written to cost more than they weigh. That work grows with the text alone is what `tests/growth` counts.

use crate::{Dockerfile, ImageUse, Inputs};

fn uses(text: &str) -> Vec<ImageUse> {
    Dockerfile::read(text).image_uses(&Inputs::default())
}

#[test]
fn variables_end_where_a_file_multiplies_them() {
    let long = "x".repeat(4_000);
    let many: String = (0..2_000).map(|number| format!("ARG a{number}=$A\n")).collect();
    let found = uses(&format!("ARG A={long}\nARG B=b:1\nFROM $B\n"));
    assert_eq!(found.first().map(|first| first.resolved.is_ok()), Some(true));
    for text in [
        format!("ARG A={long}\n{many}FROM b:$a1999\n"),
        format!("ARG A={long}\n{}", "FROM $A\n".repeat(2_000)),
        format!("ARG A={long}\n{}", "FROM ${A##*?????????????????????x}\n".repeat(100)),
    ] {
        let found = uses(&text);
        let last = found.last().and_then(|last| last.resolved.as_ref().err()).unwrap();
        assert!(last.reason.contains("more text than anybody reads"), "{}", last.reason);
    }
    // What needs no variable is told all the same.
    let found = uses(&format!("ARG A={long}\n{}FROM c:1\n", "FROM $A\n".repeat(2_000)));
    assert_eq!(found.last().map(|last| last.resolved.is_ok()), Some(true));
}

#[test]
fn a_reason_does_not_grow_from_one_definition_to_the_next() {
    let name = "n".repeat(3_000);
    let chain: String = (1..500).map(|number| format!("ARG A{number}=$A{}\n", number - 1)).collect();
    let text = format!("ARG A0=${{{name}:?{name}}}\n{chain}FROM $A499\n");
    let found = uses(&text);
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let reason = &found.resolved.as_ref().unwrap_err().reason;
    assert!(reason.contains("the default of ARG A0 is not known"), "{reason}");
    assert!(reason.len() < 1_000, "{}", reason.len());
}

#[test]
fn a_reference_is_followed_into_its_defaults_among_many_others() {
    // Nobody names these; each trial would read them again.
    let others: String = (0..20_000).map(|number| format!("ARG OTHER{number}=x\n")).collect();
    let text = format!("{others}ARG V=1\nFROM r.io/os:$V\n");
    let file = Dockerfile::read(&text);
    let span = uses(&text).first().map(|image_use| image_use.span.clone()).unwrap();
    let replaced = file.replace_images(&Inputs::default(), &[(span, "r.io/os:2".parse().unwrap())]);
    assert_eq!(replaced, Ok(format!("{others}ARG V=2\nFROM r.io/os:$V\n")));
}
