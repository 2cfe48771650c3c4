//! How fast `plimsoll lint` is beside hadolint: the same files, the same machine, one run, turn by turn.
//!
//! `just bench lint [FOLDER]`: the folder holds real definitions; without it definitions written as teams write them stand in, and the
//! table says so. Every figure is the median of the rounds, and a ratio above 1 means that ours is that many times faster.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tests::definitions::{Steps, definitions};

/// The rounds of each pair: enough for a median, few enough for a coffee.
const ROUNDS: usize = 5;
const SEED: u64 = 20_261_125;
/// The files of the figure that is about real ones.
const REAL_FILES: usize = 300;
/// Files without a shell script.
const PLAIN_FILES: usize = 3000;

fn main() -> Result<()> {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let scratch = tempfile::tempdir()?;
    let bench = Bench::new(scratch.path())?;
    let plain = written(scratch.path(), "plain", &definitions(SEED, PLAIN_FILES, Steps::Lists))?;
    let (real, kind) = match &folder {
        Some(folder) => (files_in(Path::new(folder))?, "real files"),
        None => {
            let texts = definitions(SEED, REAL_FILES, Steps::Scripts);
            (written(scratch.path(), "written", &texts)?, "files as teams write them")
        }
    };
    say(&format!(
        "seed {SEED}; {} plain files; {} {kind}; median of {ROUNDS} rounds",
        plain.len(),
        real.len()
    ));
    bench.pair("no shell script, one core", &plain, Ours::WithoutShellCheck, 1, "at least 100")?;
    bench.pair(
        &format!("{kind}, ours without ShellCheck, one core"),
        &real,
        Ours::WithoutShellCheck,
        1,
        "at least 300 (hadolint runs ShellCheck inside)",
    )?;
    bench.pair(
        &format!("{kind}, ShellCheck in both, nothing cached, one core"),
        &real,
        Ours::Cold,
        1,
        "at least 1",
    )?;
    bench.pair(
        &format!("{kind}, ShellCheck in both, nothing cached, two cores"),
        &real,
        Ours::Cold,
        2,
        "at least 1.8",
    )?;
    bench.pair(
        &format!("{kind}, ShellCheck in both, scripts unchanged, one core"),
        &real,
        Ours::Warm,
        1,
        "at least 30",
    )?;
    bench.start(&real)?;
    bench.memory(scratch.path())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ours {
    WithoutShellCheck,
    /// Its cache is emptied before each round.
    Cold,
    /// Its cache holds every script.
    Warm,
}

struct Bench {
    hadolint: PathBuf,
    plimsoll: PathBuf,
    cache: PathBuf,
    output: PathBuf,
}

impl Bench {
    fn new(scratch: &Path) -> Result<Self> {
        let hadolint = part("HADOLINT")?;
        let plimsoll = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target/release/plimsoll");
        ensure!(plimsoll.is_file(), "{}: build it with --release", plimsoll.display());
        Ok(Self { hadolint, plimsoll, cache: scratch.join("cache"), output: scratch.join("output") })
    }

    /// One row: both programs over the same files, turn by turn.
    fn pair(&self, what: &str, files: &[PathBuf], ours: Ours, cores: usize, bound: &str) -> Result<()> {
        let (mut theirs_took, mut ours_took) = (Vec::new(), Vec::new());
        if ours == Ours::Warm {
            self.ours(files, ours, cores)?;
        }
        for _ in 0..ROUNDS {
            theirs_took.push(self.theirs(files)?);
            ours_took.push(self.ours(files, ours, cores)?);
        }
        let (theirs, ours) = (median(theirs_took), median(ours_took));
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        let rate = |took: Duration| files.len() as f64 / took.as_secs_f64();
        say(&format!(
            "{what}: hadolint {:.0} files/s, plimsoll {:.0} files/s, ratio {ratio:.1} (wanted: {bound})",
            rate(theirs),
            rate(ours)
        ));
        Ok(())
    }

    fn theirs(&self, files: &[PathBuf]) -> Result<Duration> {
        let mut command = on_cores(1, &self.hadolint);
        command.args(["--no-fail", "--format", "json"]).args(files);
        self.timed(command)
    }

    fn ours(&self, files: &[PathBuf], ours: Ours, cores: usize) -> Result<Duration> {
        if ours == Ours::Cold {
            fs::remove_dir_all(&self.cache).ok();
        }
        let mut command = on_cores(cores, &self.plimsoll);
        command.args(["lint", "--no-fail", "--format", "json", "--jobs", &cores.to_string()]);
        command.args((ours == Ours::WithoutShellCheck).then_some("--no-shellcheck"));
        command.env("XDG_CACHE_HOME", &self.cache).args(files);
        self.timed(command)
    }

    fn timed(&self, mut command: Command) -> Result<Duration> {
        command.stdin(Stdio::null()).stdout(fs::File::create(&self.output)?).stderr(Stdio::null());
        let began = Instant::now();
        let status = command.status().with_context(|| format!("{command:?}"))?;
        let took = began.elapsed();
        ensure!(status.success(), "{command:?} ended with {status}");
        let findings: serde_json::Value = serde_json::from_slice(&fs::read(&self.output)?)?;
        ensure!(findings.is_array(), "{command:?} printed no report");
        Ok(took)
    }

    /// One small file, from the start of the process to its end.
    fn start(&self, files: &[PathBuf]) -> Result<()> {
        let one = files.first().context("there are no files")?;
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..40 {
            theirs.push(self.theirs(std::slice::from_ref(one))?);
            ours.push(self.ours(std::slice::from_ref(one), Ours::WithoutShellCheck, 1)?);
        }
        say(&format!(
            "one small file, start to exit: hadolint {:.1} ms, plimsoll {:.1} ms (wanted: under 10 ms)",
            median(theirs).as_secs_f64() * 1e3,
            median(ours).as_secs_f64() * 1e3
        ));
        Ok(())
    }

    /// The most memory that 10,000 files take.
    fn memory(&self, scratch: &Path) -> Result<()> {
        written(scratch, "many", &definitions(SEED, 10_000, Steps::Scripts))?;
        // The kernel knows the peak of a child that has ended; Python's standard library asks it.
        let script = "import resource, subprocess, sys\n\
                      subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n\
                      print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
        let output = Command::new("python3")
            .args(["-c", script])
            .arg(&self.plimsoll)
            .args(["lint", "--no-fail", "--no-shellcheck"])
            .arg(scratch.join("many"))
            .output()?;
        let kilobytes: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
        say(&format!("10,000 files, most memory: {} MB (wanted: under 64)", kilobytes / 1024));
        Ok(())
    }
}

/// A program held to that many cores.
fn on_cores(cores: usize, program: &Path) -> Command {
    let last = cores.saturating_sub(1);
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &format!("0-{last}")]).arg(program);
    command
}

fn part(name: &str) -> Result<PathBuf> {
    let found = std::env::vars_os().find(|(variable, _)| variable == name);
    match found {
        Some((_, path)) => Ok(path.into()),
        None => bail!("{name} is not set: run `just bench lint`, which installs the peers"),
    }
}

/// The texts as files of a new folder, `0/Dockerfile` and so on.
fn written(scratch: &Path, name: &str, texts: &[String]) -> Result<Vec<PathBuf>> {
    let write = |(index, text): (usize, &String)| {
        let folder = scratch.join(name).join(index.to_string());
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("Dockerfile"), text)?;
        Ok(folder.join("Dockerfile"))
    };
    texts.iter().enumerate().map(write).collect()
}

/// At most [`REAL_FILES`] files of a folder, by name.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.is_file());
    files.sort();
    files.truncate(REAL_FILES);
    ensure!(!files.is_empty(), "{}: no files", folder.display());
    Ok(files)
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
fn say(line: &str) {
    println!("{line}");
}
