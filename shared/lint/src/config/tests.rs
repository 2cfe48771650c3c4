//! What each source says and what they come to, as hadolint 2.15 has it; what is ours is said at the place.

use super::*;

#[track_caller]
fn check(yaml: &str, change: impl Fn(&mut Config)) {
    let mut expected = Config::default();
    change(&mut expected);
    assert_eq!(Config::from_yaml(yaml), Ok(expected), "{yaml}");
}

fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

#[test]
fn every_key_of_a_file() {
    check("", |_| {});
    check("# nothing\n", |_| {});
    check("{}\n", |_| {});
    check("ignored:\noverride:\nno-fail: null\n", |_| {});
    check("ignored: [DL3006, SC2086]\n", |config| config.ignored = codes(&["DL3006", "SC2086"]));
    check("ignored: &a [DL3006]\noverride:\n  info: *a\n", |config| {
        config.ignored = codes(&["DL3006"]);
        config.levels.insert("DL3006".to_owned(), Level::Info);
    });
    check("override:\n  info: [DL1]\n  error: [DL1]\n  style:\n    - DL2\n", |config| {
        config.levels.extend([("DL1".to_owned(), Level::Error), ("DL2".to_owned(), Level::Style)]);
    });
    check("failure-threshold: none\n", |config| config.failure_threshold = Some(Level::Ignore));
    check("failure-threshold: style\n", |config| config.failure_threshold = Some(Level::Style));
    check("format: sarif\nno-color: true\nno-fail: false\n", |config| {
        (config.format, config.no_color, config.no_fail) = (Some(Format::Sarif), Some(true), Some(false));
    });
    check("trustedRegistries:\n  - '*.io'\n", |config| config.trusted_registries = codes(&["*.io"]));
    // Documented, but refused by hadolint itself.
    check("trustedRegistries: a.io\n", |config| config.trusted_registries = codes(&["a.io"]));
    check("label-schema:\n  a: text\n  b: email\nstrict-labels: true\n", |config| {
        config
            .label_schema
            .extend([("a".to_owned(), LabelFormat::Text), ("b".to_owned(), LabelFormat::Email)]);
        config.strict_labels = Some(true);
    });
    check("disable-ignore-pragma: true\nsilencing: with-reason\n", |config| {
        (config.disable_ignore_pragma, config.silencing) = (Some(true), Some(Silencing::WithReason));
    });
}

#[track_caller]
fn check_mistakes(yaml: &str, lines: &[usize]) {
    let mistakes = Config::from_yaml(yaml).unwrap_err();
    let places: Vec<Place> = mistakes.into_iter().map(|mistake| mistake.place).collect();
    assert_eq!(places, lines.iter().map(|line| Place::Line(*line)).collect::<Vec<_>>(), "{yaml}");
}

#[test]
fn all_mistakes_of_a_file_by_line() {
    check_mistakes("[]\n", &[1]);
    check_mistakes("word\n", &[1]);
    check_mistakes("ignored: [\n", &[2]);
    check_mistakes("ignored: [DL1]\nignored: [DL2]\n", &[2]);
    check_mistakes("ignored: [DL1]\n---\nignored: [DL2]\n", &[3]);
    check_mistakes(
        "ignored: DL3006\nignore: [DL1]\nno-fail: yes\nformat: JSON\nfailure-threshold: Error\n",
        &[1, 2, 3, 4, 5],
    );
    check_mistakes("override: x\nlabel-schema: [a]\nstrict-labels: 1\nsilencing: never\n", &[1, 2, 3, 4]);
    check_mistakes(
        "override:\n  error: DL1\n  ignore: [DL1]\nlabel-schema:\n  a: TEXT\n  b:\n",
        &[2, 3, 5, 6],
    );
    check_mistakes("ignored:\n  - DL1\n  - 1\n", &[3]);
}

fn environment(variables: &[(&str, &str)]) -> Result<Config, Vec<Mistake>> {
    Config::from_environment(|name| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn every_variable() {
    for (word, expected) in
        [("1", true), ("Yes", true), ("on", true), ("y", true), ("TRUE", true), ("0", false), ("t", false)]
    {
        assert_eq!(environment(&[("HADOLINT_NOFAIL", word)]).unwrap().no_fail, Some(expected), "{word}");
    }
    let config = environment(&[
        ("HADOLINT_IGNORE", "DL1,DL2,"),
        ("HADOLINT_OVERRIDE_ERROR", "DL3"),
        ("HADOLINT_OVERRIDE_STYLE", "DL3,DL4"),
        ("HADOLINT_FAILURE_THRESHOLD", "warning"),
        ("HADOLINT_FORMAT", "gnu"),
        ("HADOLINT_STRICT_LABELS", ""),
        ("HADOLINT_DISABLE_IGNORE_PRAGMA", "true"),
        ("HADOLINT_TRUSTED_REGISTRIES", "a.io,b.io"),
        ("HADOLINT_REQUIRE_LABELS", "a,b:url"),
        ("HADOLINT_VERBOSE", "1"),
        ("NO_COLOR", "0"),
    ]);
    let expected = Config {
        ignored: codes(&["DL1", "DL2"]),
        levels: [("DL3".to_owned(), Level::Error), ("DL4".to_owned(), Level::Style)].into(),
        failure_threshold: Some(Level::Warning),
        format: Some(Format::Gnu),
        disable_ignore_pragma: Some(true),
        trusted_registries: codes(&["a.io", "b.io"]),
        label_schema: [("a".to_owned(), LabelFormat::Text), ("b".to_owned(), LabelFormat::Url)].into(),
        verbose: Some(true),
        no_color: Some(true),
        ..Config::default()
    };
    assert_eq!(config, Ok(expected));
    let wrong =
        [("HADOLINT_FORMAT", "x"), ("HADOLINT_REQUIRE_LABELS", "a:b"), ("HADOLINT_FAILURE_THRESHOLD", "x")];
    assert_eq!(environment(&wrong).unwrap_err().len(), 3);
}

#[test]
fn sources_together() {
    let flags = Config {
        ignored: codes(&["DL1"]),
        levels: [("DL5".to_owned(), Level::Info)].into(),
        failure_threshold: Some(Level::Error),
        label_schema: [("a".to_owned(), LabelFormat::Url), ("b".to_owned(), LabelFormat::Url)].into(),
        ..Config::default()
    };
    let file = Config {
        ignored: codes(&["DL2"]),
        levels: [("DL5".to_owned(), Level::Error)].into(),
        failure_threshold: Some(Level::Style),
        no_fail: Some(false),
        label_schema: [("a".to_owned(), LabelFormat::Text)].into(),
        ..Config::default()
    };
    let environment = Config {
        ignored: codes(&["DL3"]),
        levels: [("DL5".to_owned(), Level::Style)].into(),
        no_fail: Some(true),
        strict_labels: Some(true),
        label_schema: [("b".to_owned(), LabelFormat::Hash)].into(),
        ..Config::default()
    };
    let policy = Config::together(flags, file, environment).into_policy();
    let expected = Policy {
        fail_on: Some(Level::Error),
        ignore: codes(&["DL1", "DL2", "DL3"]),
        levels: [("DL5".to_owned(), Level::Error)].into(),
        label_schema: [("a".to_owned(), LabelFormat::Text), ("b".to_owned(), LabelFormat::Hash)].into(),
        strict_labels: true,
        ..Policy::default()
    };
    assert_eq!(policy, expected);
}

#[test]
fn what_nothing_says_is_as_in_hadolint() {
    assert_eq!(Config::default().into_policy().fail_on, Some(Level::Info));
    let no_fail = Config { no_fail: Some(true), ..Config::default() };
    assert_eq!(no_fail.into_policy().fail_on, None);
}
