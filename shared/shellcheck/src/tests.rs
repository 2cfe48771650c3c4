//! The installed ShellCheck, asked as `plimsoll lint` asks it.

use std::{env, ffi::OsStr, fs, path::Path, time::Duration};

use dockerfile::Dockerfile;
use lint::Script;

use super::*;

fn installed() -> Options {
    let path = env::var_os("PATH").unwrap();
    Options::find(&path).expect("shellcheck is installed: apt-get install shellcheck")
}

fn scripts(text: &str) -> Vec<Script> {
    lint::scripts(&Dockerfile::read(text))
}

/// A program in the place of ShellCheck, for what the real one does not do on demand.
fn program(folder: &Path, script: &str) -> Options {
    let program = folder.join("shellcheck");
    testkit::script::write(&program, &format!("#!/bin/sh\n{script}\n")).unwrap();
    Options::find(folder.as_os_str()).unwrap()
}

#[track_caller]
fn check(text: &str, expected: &[&[&str]]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let checker = Checker::open(installed()).unwrap();
    let found = runtime.block_on(checker.check(&scripts(text))).unwrap();
    let found: Vec<Vec<String>> =
        found.iter().map(|own| own.iter().map(|f| format!("{}@{}", f.code, f.line)).collect()).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn findings_stand_on_the_line_of_their_run() {
    check(
        "FROM a:1\nRUN a && \\\n  echo $x $x\nRUN echo fine\nONBUILD RUN cd x\n",
        &[&["SC2086@2", "SC2154@2"], &[], &["SC2164@5"]],
    );
}

#[test]
fn what_the_build_defines_is_no_finding() {
    check("FROM a:1\nARG x\nENV y=1\nRUN echo \"$x$y$http_proxy\"\nRUN echo \"$z\"\n", &[&[], &["SC2154@5"]]);
}

#[test]
fn the_shell_in_force_counts() {
    check(
        "FROM a:1\nRUN [[ $HOME == x ]]\nSHELL [\"/bin/bash\", \"-c\"]\nRUN [[ $HOME == x ]]\n",
        &[&["SC3010@2"], &[]],
    );
    check("FROM a:1\nRUN . /x && . \"$HOME/y\"\nSHELL [\"/bin/ash\", \"-c\"]\nRUN a\n", &[&[], &[]]);
}

#[test]
fn an_absent_program_is_no_checker() {
    assert!(Options::find(OsStr::new("/nonexistent:/dev/null")).is_none());
}

#[tokio::test]
async fn many_scripts_are_few_processes_and_a_second_run_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let real = installed().program;
    let line = format!("echo >> {}\nexec {} \"$@\"", starts.display(), real.display());
    let options = Options { cache: Some(folder.path().join("cache")), ..program(folder.path(), &line) };
    let processes = options.processes.get();
    let many: String = (0..1100).map(|n| format!("RUN echo $X{n}\n")).collect();
    let many = scripts(&format!("FROM a:1\n{many}{many}"));
    let mut said = Vec::new();
    let mut started = None;
    for run in 0..3 {
        let checker = Checker::open(options.clone()).unwrap();
        said.push(checker.check(&many).await.unwrap());
        let count = fs::read_to_string(&starts).unwrap().lines().count();
        assert!(count <= 6 * processes.max(3), "{count} processes up to run {run}");
        assert_eq!(*started.get_or_insert(count), count, "none after the first run");
    }
    assert_eq!(said[0].len(), 2200);
    assert!(said[0].iter().all(|own| own.len() == 1 && own[0].code == "SC2086"));
    assert_eq!(said[0], said[1]);
    assert_eq!(said[1], said[2]);
}

#[tokio::test]
async fn another_program_does_not_answer_for_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let script = scripts("FROM a:1\nRUN a\n");
    let cache = Some(folder.path().join("cache"));
    let says = |comments: &str| format!("echo '{{\"comments\": [{comments}]}}'");
    let options = Options { cache: cache.clone(), ..program(folder.path(), &says("")) };
    assert_eq!(Checker::open(options).unwrap().check(&script).await.unwrap(), [vec![]]);
    let comment = r#"{"file": "0", "level": "style", "code": 1, "message": "m", "fix": null}"#;
    let options = Options { cache, ..program(folder.path(), &says(comment)) };
    assert_eq!(Checker::open(options).unwrap().check(&script).await.unwrap()[0].len(), 1);
}

#[tokio::test]
async fn what_goes_wrong_is_an_error_that_says_so() {
    let script = scripts("FROM a:1\nRUN a\n");
    for (line, expected) in [
        ("exit 4", "ended with"),
        ("echo no", "cannot be read"),
        ("sleep 1000", "did not finish"),
        ("yes", "printed more"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let within = if line == "yes" { Duration::from_secs(60) } else { Duration::from_millis(300) };
        let options = Options { within, ..program(folder.path(), line) };
        let error = Checker::open(options).unwrap().check(&script).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{line}: {error}");
    }
}
