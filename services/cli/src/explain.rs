//! `plimsoll explain CODE`: what a rule asks for and why: its page. Not what it finds (see `lint`).

use std::process::ExitCode;

use crate::exit::{self, Failure, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Codes of rules, such as DL3008; all rules in a list where none is given.
    #[arg(value_name = "CODE")]
    codes: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    exit::end(explain(&arguments.codes))
}

fn explain(codes: &[String]) -> Result<(), Failure> {
    if codes.is_empty() {
        for rule in lint::rules::all() {
            say(format_args!("{:<34} {:<7} {}", rule.code, rule.level.as_str(), rule.title()));
        }
        return Ok(());
    }
    for code in codes {
        say(page(code)?.trim_end());
    }
    Ok(())
}

fn page(code: &str) -> Result<String, Failure> {
    if let Some(rule) = lint::rules::all().find(|rule| rule.code.eq_ignore_ascii_case(code)) {
        return Ok(format!("{}\nLevel: {}", readable(rule.page), rule.level));
    }
    let number = code.strip_prefix("SC").or_else(|| code.strip_prefix("sc"));
    if number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
        return Ok(format!(
            "# {0}: a finding of ShellCheck in a RUN script.\n\nWhat it means: https://www.shellcheck.net/wiki/{0}",
            code.to_ascii_uppercase()
        ));
    }
    Err(Failure::Usage(format!("there is no rule {code}; `plimsoll explain` lists all of them")))
}

/// The page without what its code blocks tell the tests.
fn readable(page: &str) -> String {
    let line = |line: &str| {
        if line.starts_with("```dockerfile ") { "```dockerfile\n".to_owned() } else { format!("{line}\n") }
    };
    page.trim_end().lines().map(line).collect()
}
