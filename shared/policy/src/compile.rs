//! From texts to a policy that can be asked, or to what is wrong with them, with file and line.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    time::Duration,
};

use dockerfile::Dockerfile;
use regorus::{Engine, PolicyLengthConfig, Value};

use crate::{
    builtins, calls,
    evaluate::{Fault, Kind, Subject},
    module::{self, Shape, Written},
    stack::wide,
    weight,
};

/// The longest line of a module: the engine's own default refuses what a list of words in one line needs.
const LONGEST_LINE: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(16_383);

/// A file that asks nothing of a policy but to be evaluated, and how long that may take; what takes longer is stopped where it counts.
const TRIAL: &str = "FROM scratch\n";
const TRIAL_LIMIT: Duration = Duration::from_millis(200);

/// One module's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its file's name, for people.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// What is wrong with a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A module, or the modules together, cannot be read.
    #[error("{file}:{line}:{column}: {what}")]
    Syntax {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// What is wrong has no place.
    #[error("{0}")]
    Whole(String),
    /// `deny if …` is true or nothing, and has no message: conftest refuses it too.
    #[error(
        "{file}:{line}: `{rule}` has no message, so it would never say anything; write `{rule} contains message if {{ … }}`"
    )]
    Mute {
        /// The file.
        file: String,
        /// The rule's line.
        line: usize,
        /// Its name.
        rule: String,
    },
    /// Nothing in it would ever be asked.
    #[error(
        "no rule `deny`, `warn` or `violation` in the package {wanted}; there are: {present}. Name the packages that decide as namespaces"
    )]
    Silent {
        /// The packages that were to decide.
        wanted: String,
        /// The packages that exist.
        present: String,
    },
}

/// A policy that compiled.
#[derive(Clone)]
pub struct Policy {
    pub(crate) engine: Engine,
    /// Every rule there is.
    pub(crate) written: Vec<Written>,
    /// The packages whose rules decide.
    pub(crate) namespaces: Vec<String>,
}

impl Policy {
    /// Compiles `texts`; evaluates none of their rules. `data` is a JSON object that policies see as `data`. The rules of `namespaces` decide, those of `main` where none is named; the
    /// rest are libraries.
    pub fn compile(texts: &[Text], data: Option<&str>, namespaces: &[String]) -> Result<Self, Mistake> {
        let mut policy = Self::load(texts, data)?;
        if !namespaces.is_empty() {
            policy.namespaces = namespaces.to_vec();
        }
        let deciding: Vec<&Written> = policy.deciding().collect();
        if let Some(mute) = deciding.iter().find(|rule| rule.shape == Shape::Truth) {
            return Err(Mistake::Mute { file: mute.file.clone(), line: mute.line, rule: mute.name.clone() });
        }
        let silent =
            policy.namespaces.iter().find(|name| !deciding.iter().any(|rule| rule.package == **name));
        if let Some(silent) = silent {
            let mut present: Vec<&str> = policy.written.iter().map(|rule| rule.package.as_str()).collect();
            present.sort_unstable();
            present.dedup();
            return Err(Mistake::Silent { wanted: silent.clone(), present: present.join(", ") });
        }
        Ok(policy)
    }

    /// Asks the policy about a file of one line: some mistakes the engine sees only when it evaluates, variables that are never bound among them. For whoever
    /// writes a policy; what is wrong here may be meant for another file.
    pub fn try_out(&self) -> Result<(), Mistake> {
        match self.judge(&Dockerfile::read(TRIAL), Subject::default(), TRIAL_LIMIT) {
            Err(Fault::Failed { mistake, .. }) => Err(mistake),
            Err(kind @ Fault::Kind { .. }) => Err(Mistake::Whole(kind.to_string())),
            Ok(_) | Err(Fault::Stopped { .. } | Fault::TooMany) => Ok(()),
        }
    }

    /// Loads `texts` for their unit tests alone: nothing in them has to decide.
    pub fn load(texts: &[Text], data: Option<&str>) -> Result<Self, Mistake> {
        wide(|| Self::read(texts, data)).map_err(Mistake::Whole)?
    }

    fn read(texts: &[Text], data: Option<&str>) -> Result<Self, Mistake> {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(false);
        engine.set_policy_length_config(PolicyLengthConfig { max_col: LONGEST_LINE, ..Default::default() });
        builtins::add_to(&mut engine)?;
        for text in texts {
            add(&mut engine, text)?;
        }
        let in_data = |error: &dyn fmt::Display| Mistake::Whole(format!("data: {error}"));
        let data = data.map(Value::from_json_str).transpose().map_err(|error| in_data(&error))?;
        if let Some(data) = &data {
            engine.add_data(data.clone()).map_err(|error| in_data(&error))?;
        }
        let written = module::rules(&mut engine);
        if let Some(rule) = written.iter().find(|rule| shadows(data.as_ref(), rule)) {
            return Err(Mistake::Whole(format!(
                "data has a value for {}.{}, which {}:{} decides; give it another name in the data",
                rule.package, rule.name, rule.file, rule.line
            )));
        }
        // A function may be imported under its package's name or another.
        let functions: HashSet<String> = written
            .iter()
            .filter(|rule| rule.shape == Shape::Function)
            .map(|rule| rule.name.clone())
            .chain(module::aliases(&mut engine))
            .collect();
        if let Some(unknown) =
            texts.iter().find_map(|text| calls::unknown(&text.file, &text.text, &functions))
        {
            return Err(unknown);
        }
        // Scheduling finds what parsing cannot: variables without a value, recursion, functions that do not exist.
        engine.eval_query("true".to_owned(), false).map_err(|error| mistake(&error))?;
        Ok(Self { engine, written, namespaces: vec!["main".to_owned()] })
    }

    /// The names of the rules that decide, each once, as they stand in findings: `package.rule`.
    pub fn rules(&self) -> Vec<String> {
        let rules: BTreeMap<String, ()> =
            self.deciding().map(|rule| (format!("{}.{}", rule.package, rule.name), ())).collect();
        rules.into_keys().collect()
    }

    pub(crate) fn deciding(&self) -> impl Iterator<Item = &Written> {
        self.written.iter().filter(|rule| {
            rule.shape != Shape::Function
                && Kind::of(&rule.name).is_some()
                && self.namespaces.contains(&rule.package)
        })
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("rules", &self.rules()).finish_non_exhaustive()
    }
}

/// Whether data says something where a rule does: the engine would take its word for the rule's, and a `deny` that data empties is a yes.
fn shadows(data: Option<&Value>, rule: &Written) -> bool {
    let path = rule.package.split('.').chain([rule.name.as_str()]);
    let below = |value: &Value, name: &str| value.as_object().ok()?.get(&Value::from(name)).cloned();
    data.cloned().and_then(|data| path.clone().try_fold(data, |value, name| below(&value, name))).is_some()
}

/// Reads a module as v1, and as v0 where that fails; the reading that got further says what is wrong.
fn add(engine: &mut Engine, text: &Text) -> Result<(), Mistake> {
    if let Some(line) = weight::too_heavy(&text.text) {
        let what = "this rule is longer than the engine can follow; split it into several".to_owned();
        return Err(Mistake::Syntax { file: text.file.clone(), line, column: 1, what });
    }
    let mut read = |v0| {
        engine.set_rego_v0(v0);
        // Editors that write a byte order mark are heard by OPA too.
        let rego = text.text.strip_prefix('\u{feff}').unwrap_or(&text.text);
        engine.add_policy(text.file.clone(), rego.to_owned())
    };
    let Err(new) = read(false) else { return Ok(()) };
    let Err(old) = read(true) else { return Ok(()) };
    let (new, old) = (mistake(&new), mistake(&old));
    let is_old = matches!(&new, Mistake::Syntax { what, .. } if what.contains("`if` keyword is required"));
    Err(if old.place() > new.place() || (is_old && old.place() == new.place()) { old } else { new })
}

impl Mistake {
    fn place(&self) -> (usize, usize) {
        match self {
            Self::Syntax { line, column, .. } => (*line, *column),
            Self::Whole(_) | Self::Mute { .. } | Self::Silent { .. } => (0, 0),
        }
    }
}

/// Reads the engine's report: `--> file:line:column`, the line with a mark below, `error: what`.
pub(crate) fn mistake(error: &(impl fmt::Display + ?Sized)) -> Mistake {
    let report = error.to_string();
    let found = report.split_once("--> ").and_then(|(_, rest)| {
        let (place, rest) = rest.split_once('\n')?;
        let mut parts = place.rsplitn(3, ':');
        let (column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
        let what = rest.split_once("error: ").map_or(rest, |(_, what)| what);
        Some(Mistake::Syntax {
            file: file.to_owned(),
            line: line.trim().parse().ok()?,
            column: column.trim().parse().ok()?,
            what: what.lines().next().unwrap_or_default().trim().to_owned(),
        })
    });
    found.unwrap_or_else(|| Mistake::Whole(report.trim().to_owned()))
}
