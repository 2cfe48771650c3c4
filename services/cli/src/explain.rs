//! `plimsoll explain CODE`: what a rule asks for and why: its page. Not what it finds (see `lint`).

use std::process::ExitCode;

use lint::rules::elsewhere;

use crate::exit::{self, Failure, say, say_all};

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
        let rules = lint::rules::all().map(|rule| (rule.code, rule.level, rule.title()));
        let others = elsewhere::ALL.iter().map(|other| (other.code, other.level, other.title()));
        for (code, level, title) in rules.chain(others) {
            say(format_args!("{code:<34} {:<7} {title}", level.as_str()));
        }
        return Ok(());
    }
    for code in codes {
        say_all(page(code)?.trim_end());
    }
    Ok(())
}

fn page(code: &str) -> Result<String, Failure> {
    if let Some(rule) = lint::rules::all().find(|rule| rule.code.eq_ignore_ascii_case(code)) {
        return Ok(format!("{}\nLevel: {}", readable(rule.page), rule.level));
    }
    if let Some(other) = elsewhere::ALL.iter().find(|other| other.code.eq_ignore_ascii_case(code)) {
        return Ok(format!("{}\nLevel: at most {}", readable(other.page), other.level));
    }
    let upper = code.to_ascii_uppercase();
    if lint::rules::is_shellcheck(&upper) {
        return Ok(format!(
            "# {upper}: a finding of ShellCheck in a RUN script.\n\nWhat it means: https://www.shellcheck.net/wiki/{upper}"
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
