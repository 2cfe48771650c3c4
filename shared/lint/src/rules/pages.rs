//! Every rule against its own page: each example fires on the lines that the page names, and on no other.
//!
//! A fenced block `dockerfile fires=2,3` must break the rule on lines 2 and 3, a block `dockerfile quiet` must not break it. A block
//! `dockerignore` is the `.dockerignore` of all examples; a block `platforms` names bases and what they are for, linux/amd64 being built.
//! Where a rule asks a policy, a block `yaml` is its configuration.

use dockerfile::Dockerfile;

use super::{all, elsewhere};
use crate::{Config, Context, Level, Linter, Rule};

/// An example of a page: the lines on which the rule must fire, and the text.
struct Example {
    fires: Vec<usize>,
    text: String,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(says) = line.strip_prefix("```dockerfile ") else { continue };
        let fires = match says.strip_prefix("fires=") {
            Some(numbers) => numbers.split(',').map(|number| number.parse().unwrap()).collect(),
            None => {
                assert_eq!(says, "quiet", "an example says fires=LINES or quiet");
                Vec::new()
            }
        };
        let text: String =
            lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        examples.push(Example { fires, text });
    }
    examples
}

/// The text of the block of that kind.
fn block(page: &str, kind: &str) -> Option<String> {
    let (_, behind) = page.split_once(&format!("```{kind}\n"))?;
    behind.split_once("```").map(|(block, _)| block.to_owned())
}

fn context(page: &str) -> Context {
    let platforms = block(page, "platforms").unwrap_or_default();
    let bases = platforms.lines().map(|line| {
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.collect())
    });
    Context {
        ignore_file: block(page, "dockerignore"),
        base_platforms: bases.collect(),
        platform: Some("linux/amd64".to_owned()),
    }
}

/// What the page configures.
fn configuration(page: &str) -> Config {
    Config::from_yaml(&block(page, "yaml").unwrap_or_default()).unwrap()
}

#[track_caller]
fn check(rule: &Rule) {
    assert!(rule.page.starts_with(&format!("# {}: ", rule.code)), "{}: the first line", rule.code);
    assert!(rule.title().ends_with('.'), "{}: a title is a sentence", rule.code);
    let examples = examples(rule.page);
    assert!(examples.iter().any(|example| !example.fires.is_empty()), "{}: nothing fires", rule.code);
    assert!(examples.iter().any(|example| example.fires.is_empty()), "{}: nothing is quiet", rule.code);
    // A rule that is off by default is tried as if it were on.
    let mut policy = configuration(rule.page).into_policy();
    if rule.level == Level::Ignore {
        policy.levels.insert(rule.code.to_owned(), Level::Warning);
    }
    let (linter, context) = (Linter::new(&policy), context(rule.page));
    for example in examples {
        let report = linter.lint_in(&Dockerfile::read(&example.text), &context, Vec::new());
        let own = report.findings.iter().filter(|finding| finding.code == rule.code);
        let found: Vec<usize> = own.map(|finding| finding.line).collect();
        assert_eq!(found, example.fires, "{}:\n{}", rule.code, example.text);
    }
}

#[test]
fn every_rule_does_what_its_page_says() {
    all().for_each(check);
}

#[test]
fn what_others_find_has_its_page_too() {
    assert!(elsewhere::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    for other in elsewhere::ALL {
        assert!(other.page.starts_with(&format!("# {}: ", other.code)), "{}: the first line", other.code);
        assert!(other.title().ends_with('.'), "{}: a title is a sentence", other.code);
        assert!(super::rule(other.code).is_none(), "{} is a rule's", other.code);
    }
}

#[test]
fn each_folder_is_in_order_and_codes_are_unique() {
    for folder in [super::dl::ALL, super::docker::ALL, super::pl::ALL] {
        assert!(folder.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
    let codes: std::collections::BTreeSet<_> = all().map(|rule| rule.code).collect();
    assert_eq!(codes.len(), all().count());
}
