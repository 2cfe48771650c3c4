//! What ShellCheck is given of a file: each RUN as a script of its own, with its shell and the variables it may count on. Pure:
//! who runs ShellCheck is another crate (`shellcheck`).
//!
//! As hadolint has it: the shell is that of `SHELL` or of a comment `# hadolint shell=`, else `/bin/sh`; the variables of ARG and
//! ENV are set, those of the stage that FROM names included, none in ONBUILD; JSON form, PowerShell and cmd are left alone.
//! Otherwise than there, a command with a heredoc is given whole.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use dockerfile::{Arguments, Dockerfile, Heredoc, HeredocTabs, Instruction, Item, Keyword};

use crate::pragma;

/// Set in every build, whether declared or not.
const PREDEFINED: [&str; 8] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// The shell of a stage that says nothing else.
const DEFAULT_SHELL: &str = "/bin/sh";

/// The script of one RUN, ready for ShellCheck.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Script {
    /// The first line of the instruction, from 1: what is found in the script is told there.
    pub line: usize,
    /// The whole script. Its first line names the shell, and what the build defines and the script may
    /// use is exported before the commands.
    pub text: String,
}

/// How many stages down variables are looked for: deeper than anybody stacks them, and a bound for files that do it on purpose.
const DEEPEST_BASE: usize = 32;

/// What a stage hands to its steps.
#[derive(Debug, Clone, Default)]
struct Surroundings<'a> {
    shell: Cow<'a, str>,
    variables: HashSet<&'a str>,
    /// The number of the stage it stands on.
    base: Option<usize>,
}

/// Every script of the file, in order.
pub fn scripts(file: &Dockerfile) -> Vec<Script> {
    let mut found = Vec::new();
    let mut default_shell = Cow::Borrowed(DEFAULT_SHELL);
    // The stages, the one at hand last; before the first FROM there is none.
    let mut stages: Vec<Surroundings<'_>> = Vec::new();
    let mut named: HashMap<&str, usize> = HashMap::new();
    let mut name = None;
    let mut first = true;
    for item in file.items() {
        let instruction = match item {
            Item::Comment(comment) => {
                if let Some(shell) = pragma::shell(&comment.text) {
                    if let Some(here) = stages.last_mut() {
                        here.shell = shell.into();
                    } else if first {
                        // Before everything else it counts for all stages.
                        default_shell = shell.into();
                    }
                }
                continue;
            }
            Item::Instruction(instruction) => instruction,
            Item::ByteOrderMark(_) | Item::Blank(_) | Item::Directive(_) => continue,
        };
        first = false;
        if instruction.keyword == Keyword::From {
            named.extend(name.take().zip(stages.len().checked_sub(1)));
            let base = instruction.words().first().and_then(|word| named.get(word.text.as_str())).copied();
            let inherited = base.and_then(|base| stages.get(base)).map(|base| base.shell.clone());
            let shell = inherited.unwrap_or_else(|| default_shell.clone());
            stages.push(Surroundings { shell, variables: HashSet::new(), base });
            name = instruction.words().get(2).map(|word| word.text.as_str());
            continue;
        }
        let Some(here) = stages.last_mut() else { continue };
        match instruction.keyword {
            Keyword::Arg | Keyword::Env => {
                here.variables.extend(instruction.pairs().iter().map(|pair| pair.name.text.as_str()));
            }
            Keyword::Shell => here.shell = shell_of(instruction),
            Keyword::Run => {
                let is_known = |name: &str| is_defined(name, &stages);
                let shell = stages.last().map(|here| here.shell.clone()).unwrap_or_default();
                found.extend(script(file, instruction, instruction, &shell, &is_known));
            }
            Keyword::Onbuild => {
                let run = instruction.trigger().filter(|trigger| trigger.keyword == Keyword::Run);
                found.extend(run.and_then(|run| script(file, instruction, run, &here.shell, &|_| false)));
            }
            _ => {}
        }
    }
    found
}

/// Whether the last of these stages, or one below it, defines the variable.
fn is_defined(name: &str, stages: &[Surroundings<'_>]) -> bool {
    let mut stage = stages.last();
    for _ in 0..DEEPEST_BASE {
        match stage {
            Some(own) if own.variables.contains(name) => return true,
            Some(own) => stage = own.base.and_then(|base| stages.get(base)),
            None => return false,
        }
    }
    false
}

/// The command line that SHELL sets.
fn shell_of(instruction: &Instruction) -> Cow<'_, str> {
    match &instruction.arguments {
        Arguments::List(words, _) => words.join(" ").into(),
        Arguments::Text(text) => text.text.as_str().into(),
        _ => "".into(),
    }
}

/// The script of one RUN; none where no shell, or one that ShellCheck has nothing to do with, reads it.
fn script(
    file: &Dockerfile,
    outer: &Instruction,
    run: &Instruction,
    shell: &str,
    is_known: &dyn Fn(&str) -> bool,
) -> Option<Script> {
    let command = &run.text()?.text;
    let (shell, body) = match outer.heredocs.as_slice() {
        [] => (Cow::Borrowed(shell), Cow::Borrowed(command.as_str())),
        [heredoc] if command.starts_with("<<") => (reader_of(command, shell)?, body_of(file, heredoc)),
        heredocs => {
            let mut whole = command.clone();
            for heredoc in heredocs {
                let body = file.source(&heredoc.body);
                let newline = if body.is_empty() || body.ends_with('\n') { "" } else { "\n" };
                whole.push('\n');
                whole.push_str(body);
                whole.push_str(newline);
                whole.push_str(&heredoc.name);
            }
            (Cow::Borrowed(shell), Cow::Owned(whole))
        }
    };
    if !is_checked(&shell) {
        return None;
    }
    let interpreter = match body.strip_prefix("#!").and_then(|rest| rest.lines().next()) {
        Some(interpreter) if !is_shell(interpreter) => return None,
        Some(interpreter) => interpreter,
        None => &shell,
    };
    let mut text = format!("#!{interpreter}\n");
    // Only what the script may mean: each definition costs ShellCheck as much as a command.
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut told = HashSet::new();
    for name in body.split(|c| !is_part(c)).filter(|name| is_name(name)) {
        if (PREDEFINED.contains(&name) || is_known(name)) && told.insert(name) {
            text.extend(["export ", name, "=1\n"]);
        }
    }
    text.push_str(&body);
    if !body.ends_with('\n') {
        text.push('\n');
    }
    Some(Script { line: outer.line, text })
}

/// The shell that reads the body of `RUN <<EOF` or `RUN <<EOF bash`; none if something else reads it.
fn reader_of<'a>(command: &'a str, shell: &'a str) -> Option<Cow<'a, str>> {
    match command.split_whitespace().collect::<Vec<_>>().as_slice() {
        [_] => Some(shell.into()),
        [_, reader, ..] if is_shell(reader) => Some((*reader).into()),
        _ => None,
    }
}

/// The lines of a heredoc as the shell reads them.
fn body_of<'a>(file: &'a Dockerfile, heredoc: &Heredoc) -> Cow<'a, str> {
    let body = file.source(&heredoc.body);
    match heredoc.tabs {
        HeredocTabs::Kept => body.into(),
        HeredocTabs::Stripped => {
            body.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect::<String>().into()
        }
    }
}

/// Whether this interpreter is a shell that ShellCheck knows: `/bin/bash -e`, `/usr/bin/env sh`.
fn is_shell(interpreter: &str) -> bool {
    let mut words =
        interpreter.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or_default()).peekable();
    let program = match words.next() {
        Some("env") => words.find(|word| !word.starts_with('-')),
        program => program,
    };
    matches!(program, Some("sh" | "bash" | "dash" | "ash" | "ksh"))
}

/// Whether ShellCheck is asked at all: not where PowerShell or cmd reads the step.
fn is_checked(shell: &str) -> bool {
    let program = shell.split_whitespace().next().unwrap_or_default();
    let program = program.rsplit(['/', '\\']).next().unwrap_or_default();
    !["powershell", "pwsh", "cmd"].iter().any(|other| program.starts_with(other))
}

/// A name that a shell can set.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str, &str)]) {
        let found: Vec<(usize, String, String)> = scripts(&Dockerfile::read(text))
            .into_iter()
            .map(|script| {
                let (shell, rest) = script.text.split_once('\n').unwrap();
                let own: Vec<&str> = rest.lines().collect();
                (script.line, shell.to_owned(), own.join("|"))
            })
            .collect();
        let owned = |(line, a, b): &(usize, &str, &str)| (*line, (*a).to_owned(), (*b).to_owned());
        assert_eq!(found, expected.iter().map(owned).collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn each_run_in_shell_form_is_a_script() {
        check(
            "FROM a:1\nRUN a && \\\n# no\n b\nONBUILD RUN c\nRUN [\"d\"]\nCMD e\n",
            &[(2, "#!/bin/sh", "a &&  b"), (5, "#!/bin/sh", "c")],
        );
    }

    #[test]
    fn the_shell_is_what_the_stage_says() {
        let bash = "SHELL [\"/bin/bash\", \"-c\"]\n";
        check(
            &format!("FROM a:1 AS x\n{bash}RUN a\nFROM b:1\nRUN b\nFROM x\nRUN c\n"),
            &[(3, "#!/bin/bash -c", "a"), (5, "#!/bin/sh", "b"), (7, "#!/bin/bash -c", "c")],
        );
        check(
            "FROM a:1\n# hadolint shell = bash # why\nRUN a\nFROM b:1\nRUN b\n",
            &[(3, "#!bash", "a"), (5, "#!/bin/sh", "b")],
        );
        check(
            "# hadolint shell=bash\nFROM a:1\nRUN a\nFROM b:1\nRUN b\n",
            &[(3, "#!bash", "a"), (5, "#!bash", "b")],
        );
        for shell in ["SHELL [\"powershell\"]", "SHELL [\"C:\\\\cmd.exe\", \"/S\"]", "# hadolint shell=pwsh"]
        {
            check(&format!("FROM a:1\n{shell}\nRUN a\n"), &[]);
        }
    }

    #[test]
    fn what_the_build_defines_is_known() {
        let known = "export x=1|export y=1|a $x$y";
        check(
            "ARG no\nFROM a:1\nARG x=2\nENV y z\nARG no-name unused\nRUN a $x$y\n",
            &[(6, "#!/bin/sh", known)],
        );
        check(
            "FROM a:1 AS s\nARG x\nFROM b:1\nRUN a $x\nFROM s\nENV y=1\nRUN a $x$y\nONBUILD RUN b $y\n",
            &[(4, "#!/bin/sh", "a $x"), (7, "#!/bin/sh", known), (8, "#!/bin/sh", "b $y")],
        );
    }

    #[test]
    fn heredocs_are_scripts_where_a_shell_reads_them() {
        check("FROM a:1\nRUN <<E\na\nb\nE\n", &[(2, "#!/bin/sh", "a|b")]);
        check("FROM a:1\nRUN <<-E bash\n\ta\n\tE\n", &[(2, "#!bash", "a")]);
        check(
            "FROM a:1\nRUN <<E\n#!/usr/bin/env bash\na\nE\n",
            &[(2, "#!/usr/bin/env bash", "#!/usr/bin/env bash|a")],
        );
        check("FROM a:1\nRUN <<E python\na\nE\nRUN <<E\n#!/usr/bin/python3\na\nE\n", &[]);
        check("FROM a:1\nRUN a <<E && b\nc\nE\n", &[(2, "#!/bin/sh", "a <<E && b|c|E")]);
    }
}
