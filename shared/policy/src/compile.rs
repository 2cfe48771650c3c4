//! From texts to a policy that can be asked, or to what is wrong with them, with file and line.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    time::Duration,
};

use dockerfile::Dockerfile;
use regorus::{Engine, PolicyLengthConfig, Value};

use crate::{
    calls, deprecated,
    evaluate::{Fault, Kind, Subject},
    format, input,
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
        let parse_config = |arguments: Vec<Value>| match parse_config(&arguments) {
            Some(config) => Value::from_json_str(&config),
            None => Ok(Value::Undefined),
        };
        engine
            .add_extension("parse_config".to_owned(), 2, Box::new(parse_config))
            .map_err(|error| mistake(&error))?;
        // Before the engine's own, which gives up where OPA writes into the text what does not fit: a message that cannot be made would
        // make its `deny` undefined.
        let sprintf = |arguments: Vec<Value>| match arguments.as_slice() {
            [Value::String(pattern), Value::Array(arguments)] => {
                let made = format::sprintf(pattern, arguments.iter()).map(Value::from);
                made.map_err(|why| std::io::Error::other(why).into())
            }
            _ => Ok(Value::Undefined),
        };
        engine.add_extension("sprintf".to_owned(), 2, Box::new(sprintf)).map_err(|error| mistake(&error))?;
        for (name, arity, function) in deprecated::FUNCTIONS {
            let call = move |arguments: Vec<Value>| Ok(function(&arguments).unwrap_or(Value::Undefined));
            engine.add_extension(name.to_owned(), arity, Box::new(call)).map_err(|error| mistake(&error))?;
        }
        for text in texts {
            add(&mut engine, text)?;
        }
        if let Some(data) = data {
            let data =
                Value::from_json_str(data).map_err(|error| Mistake::Whole(format!("data: {error}")))?;
            engine.add_data(data).map_err(|error| Mistake::Whole(format!("data: {error}")))?;
        }
        let written = module::rules(&mut engine);
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

/// Reads a module as v1, and as v0 where that fails; the reading that got further says what is wrong.
fn add(engine: &mut Engine, text: &Text) -> Result<(), Mistake> {
    if let Some(line) = weight::too_heavy(&text.text) {
        let what = "this rule is longer than the engine can follow; split it into several".to_owned();
        return Err(Mistake::Syntax { file: text.file.clone(), line, column: 1, what });
    }
    let mut read = |v0| {
        engine.set_rego_v0(v0);
        engine.add_policy(text.file.clone(), text.text.clone())
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

/// conftest's `parse_config("dockerfile", text)`, with which unit tests make their input; none for other formats. The parser's value is the
/// list of files, of which there is one.
fn parse_config(arguments: &[Value]) -> Option<String> {
    let [format, text] = arguments else { return None };
    let (format, text) = (format.as_string().ok()?, text.as_string().ok()?);
    let file = Dockerfile::parse(text).ok().filter(|_| format.as_ref() == "dockerfile")?;
    Some(serde_json::Value::from(vec![serde_json::Value::from(input::of(&file).commands)]).to_string())
}
