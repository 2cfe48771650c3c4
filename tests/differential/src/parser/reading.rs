//! A Dockerfile as either side reads it, in one form. Not which differences are known.

use dockerfile::{Arguments, Dockerfile, Instruction, Keyword, ParseErrorKind};
use serde_json::Value;

/// What one side makes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The instructions, in order.
    Accepted(Vec<Command>),
    /// Why not.
    Rejected(String),
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// In lower case; `?` for what is no instruction.
    pub keyword: String,
    /// The instruction that ONBUILD defers, likewise.
    pub trigger: Option<String>,
    /// Whether its arguments are a JSON list.
    pub list: bool,
    /// Its first and last line, from 1.
    pub lines: (usize, usize),
    /// Its flags without their quotes; those of what an ONBUILD defers nobody tells.
    pub flags: Vec<String>,
    /// Its arguments.
    pub words: Vec<String>,
    /// Name and body of each heredoc.
    pub heredocs: Vec<(String, String)>,
}

/// How `shared/dockerfile` reads it.
pub fn ours(file: &Dockerfile) -> Reading {
    let refused = file.errors().iter().find(|error| is_of_the_parser(&error.kind));
    match refused {
        Some(error) => Reading::Rejected(error.to_string()),
        None => {
            Reading::Accepted(file.instructions().map(|instruction| command(file, instruction)).collect())
        }
    }
}

/// Whether a mistake is one of the syntax. The others the official parser leaves to those who use it.
fn is_of_the_parser(kind: &ParseErrorKind) -> bool {
    match kind {
        ParseErrorKind::NulByte
        | ParseErrorKind::LineTooLong
        | ParseErrorKind::NoInstructions
        | ParseErrorKind::DuplicateDirective(_)
        | ParseErrorKind::InvalidEscape(_)
        | ParseErrorKind::NotAPair { .. }
        | ParseErrorKind::NotStrings(_)
        | ParseErrorKind::UnterminatedHeredoc(_)
        | ParseErrorKind::InvalidHeredoc(_)
        | ParseErrorKind::LacksValue(_)
        | ParseErrorKind::FlagCharacter(_) => true,
        ParseErrorKind::NoStage
        | ParseErrorKind::UnknownInstruction(_)
        | ParseErrorKind::OutsideStage(_)
        | ParseErrorKind::FromArguments(_)
        | ParseErrorKind::InvalidStageName(_)
        | ParseErrorKind::MissingArgument(_)
        | ParseErrorKind::BlankName(_)
        | ParseErrorKind::ShellNotJson
        | ParseErrorKind::UnknownHealthcheck(_)
        | ParseErrorKind::ForbiddenTrigger(_)
        | ParseErrorKind::HeredocDestination(_)
        | ParseErrorKind::More(_) => false,
    }
}

fn command(file: &Dockerfile, instruction: &Instruction) -> Command {
    let inner = instruction.trigger().unwrap_or(instruction);
    let flags = instruction.flags.iter().map(|flag| match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    });
    Command {
        keyword: keyword(instruction.keyword.as_str()),
        trigger: instruction.trigger().map(|trigger| keyword(trigger.keyword.as_str())),
        list: is_list(&inner.arguments),
        lines: (instruction.line, instruction.last_line),
        flags: flags.collect(),
        words: if has_no_words(inner.keyword) { Vec::new() } else { words(&inner.arguments) },
        heredocs: instruction
            .heredocs
            .iter()
            // Of an ONBUILD they tell where it ends, and no more.
            .filter(|_| instruction.trigger().is_none())
            .map(|heredoc| (heredoc.name.clone(), file.source(&heredoc.body).to_owned()))
            .collect(),
    }
}

/// What the official parser gives no words for: what it does not know, and what is deferred twice.
fn has_no_words(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::Unknown | Keyword::Onbuild)
}

fn is_list(arguments: &Arguments) -> bool {
    match arguments {
        Arguments::List(..) => true,
        Arguments::Healthcheck(_, command) => is_list(command),
        _ => false,
    }
}

fn words(arguments: &Arguments) -> Vec<String> {
    match arguments {
        Arguments::None | Arguments::Trigger(_) => Vec::new(),
        Arguments::Text(word) => vec![word.text.clone()],
        Arguments::Words(words) => words.iter().map(|word| word.text.clone()).collect(),
        Arguments::List(items, _) => items.clone(),
        Arguments::Pairs(pairs) => pairs
            .iter()
            .flat_map(|pair| [Some(&pair.name), pair.value.as_ref()])
            .flatten()
            .map(|word| word.text.clone())
            .collect(),
        Arguments::Healthcheck(kind, command) => {
            let mut all = vec![kind.text.clone()];
            all.extend(words(command));
            all
        }
    }
}

fn keyword(word: &str) -> String {
    match Keyword::of(word) {
        Keyword::Unknown => "?".to_owned(),
        known => known.as_str().to_ascii_lowercase(),
    }
}

/// The peer's answer; none if it is not of the agreed form.
pub(super) fn theirs(answer: &Value) -> Option<Reading> {
    if let Some(error) = answer.get("error") {
        return Some(Reading::Rejected(error.as_str()?.to_owned()));
    }
    let commands = answer.get("commands")?.as_array()?.iter().map(their_command);
    Some(Reading::Accepted(commands.collect::<Option<_>>()?))
}

fn their_command(answer: &Value) -> Option<Command> {
    let number = |name| answer.get(name)?.as_u64().and_then(|number| usize::try_from(number).ok());
    // A continuation of nothing is an instruction without a name to them.
    let keyword = keyword(answer.get("keyword")?.as_str().unwrap_or_default());
    let trigger = answer.get("trigger")?.as_str().map(self::keyword);
    let inner = Keyword::of(trigger.as_ref().unwrap_or(&keyword));
    let mut words = strings(answer.get("words")?)?;
    if inner == Keyword::Arg {
        // They keep `name=default` in one.
        words = words.iter().flat_map(|word| word.splitn(2, '=')).map(str::to_owned).collect();
    }
    if has_no_words(inner) {
        words.clear();
    }
    let heredocs = answer.get("heredocs")?.as_array()?.iter().map(|heredoc| {
        let [name, body] = heredoc.as_array()?.as_slice() else { return None };
        Some((name.as_str()?.to_owned(), body.as_str()?.to_owned()))
    });
    Some(Command {
        keyword,
        trigger,
        list: answer.get("list")?.as_bool()?,
        lines: (number("first_line")?, number("last_line")?),
        flags: strings(answer.get("flags")?)?,
        words,
        heredocs: heredocs.collect::<Option<_>>()?,
    })
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| Some(item.as_str()?.to_owned())).collect()
}

/// The first place where two readings differ, both sides in short.
pub(super) fn first_difference(ours: &Reading, theirs: &Reading) -> (String, String) {
    let (Reading::Accepted(our), Reading::Accepted(their)) = (ours, theirs) else {
        let short = |reading: &Reading| match reading {
            Reading::Accepted(commands) => format!("accepted, {} instructions", commands.len()),
            Reading::Rejected(reason) => format!("rejected: {reason}"),
        };
        return (short(ours), short(theirs));
    };
    let at = differing(our, their);
    (format!("{:?}", our.get(at)), format!("{:?}", their.get(at)))
}

/// The number of the first command that is not in both.
pub(super) fn differing(ours: &[Command], theirs: &[Command]) -> usize {
    let same = ours.iter().zip(theirs).take_while(|(our, their)| our == their);
    same.count()
}
