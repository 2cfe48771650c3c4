//! `.hadolint.yaml`. Otherwise than hadolint, an unknown key is a mistake, and `trustedRegistries` may be one word.

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use super::{Config, Mistake, Place, Problem, threshold};
use crate::{finding::Level, policy::Silencing};

/// Every key there is.
const KEYS: &str = "failure-threshold, format, ignored, label-schema, no-color, no-fail, override, strict-labels, \
                    disable-ignore-pragma, trustedRegistries, silencing";

type Node<'a> = MarkedYaml<'a>;

pub(super) fn read(text: &str) -> Result<Config, Vec<Mistake>> {
    let wrong = |line, problem| vec![Mistake { place: Place::Line(line), problem }];
    let documents = Node::load_from_str(text)
        .map_err(|error| wrong(line_of(&error), Problem::NotYaml(error.to_string())))?;
    let root = match documents.as_slice() {
        [] => return Ok(Config::default()),
        [root] => root,
        [_, second, ..] => return Err(wrong(second.span.start.line(), Problem::NotAMap)),
    };
    let mut reader = Reader::default();
    match &root.data {
        YamlData::Mapping(pairs) => pairs.iter().for_each(|(key, value)| reader.pair(key, value)),
        // Nothing but comments.
        YamlData::Value(Scalar::Null) => {}
        _ => reader.wrong(root, Problem::NotAMap),
    }
    let Reader { config, mut mistakes } = reader;
    mistakes.sort_by_key(|mistake| match mistake.place {
        Place::Line(line) => line,
        Place::Variable(_) => 0,
    });
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

fn line_of(error: &saphyr::ScanError) -> usize {
    error.marker().line()
}

#[derive(Debug, Default)]
struct Reader {
    config: Config,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn wrong(&mut self, node: &Node<'_>, problem: Problem) {
        self.mistakes.push(Mistake { place: Place::Line(node.span.start.line()), problem });
    }

    fn pair(&mut self, key: &Node<'_>, value: &Node<'_>) {
        let name = word(key).unwrap_or_default();
        // A key without a value says nothing.
        if matches!(value.data, YamlData::Value(Scalar::Null)) && KEYS.split(", ").any(|known| known == name)
        {
            return;
        }
        match name {
            "ignored" => self.config.ignored = self.list("ignored", value),
            "trustedRegistries" => {
                self.config.trusted_registries = match word(value) {
                    Some(one) => vec![one.to_owned()],
                    None => self.list("trustedRegistries", value),
                }
            }
            "no-fail" => self.config.no_fail = self.bool("no-fail", value),
            "no-color" => self.config.no_color = self.bool("no-color", value),
            "strict-labels" => self.config.strict_labels = self.bool("strict-labels", value),
            "disable-ignore-pragma" => {
                self.config.disable_ignore_pragma = self.bool("disable-ignore-pragma", value);
            }
            "failure-threshold" => self.config.failure_threshold = self.parsed(name, value, threshold),
            "format" => {
                let parse = |word: &str| word.parse().map_err(Problem::NotAFormat);
                self.config.format = self.parsed(name, value, parse);
            }
            "silencing" => self.config.silencing = self.parsed(name, value, silencing),
            "override" => self.levels(value),
            "label-schema" => self.label_schema(value),
            other => {
                self.wrong(key, Problem::UnknownKey { key: other.to_owned(), known: KEYS.to_owned() });
            }
        }
    }

    fn levels(&mut self, node: &Node<'_>) {
        let YamlData::Mapping(pairs) = &node.data else {
            return self.wrong(node, Problem::NotAMapBelow("override"));
        };
        for (key, value) in pairs {
            let (name, level) = match word(key).unwrap_or_default() {
                "error" => ("error", Level::Error),
                "warning" => ("warning", Level::Warning),
                "info" => ("info", Level::Info),
                "style" => ("style", Level::Style),
                other => {
                    let known = "error, warning, info, style".to_owned();
                    self.wrong(key, Problem::UnknownKey { key: other.to_owned(), known });
                    continue;
                }
            };
            for code in self.list(name, value) {
                self.config.raise(code, level);
            }
        }
    }

    fn label_schema(&mut self, node: &Node<'_>) {
        let YamlData::Mapping(pairs) = &node.data else {
            return self.wrong(node, Problem::NotAMapBelow("label-schema"));
        };
        for (key, value) in pairs {
            let name = word(key).unwrap_or_default();
            let parse = |word: &str| word.parse().map_err(Problem::NotALabelFormat);
            if let Some(format) = self.parsed(name, value, parse) {
                self.config.label_schema.insert(name.to_owned(), format);
            }
        }
    }

    fn list(&mut self, key: &'static str, node: &Node<'_>) -> Vec<String> {
        match &node.data {
            YamlData::Sequence(items) => {
                let mut words = Vec::new();
                for item in items {
                    match word(item) {
                        Some(word) => words.push(word.to_owned()),
                        None => self.wrong(item, Problem::NotAList(key)),
                    }
                }
                words
            }
            YamlData::Value(Scalar::Null) => Vec::new(),
            _ => {
                self.wrong(node, Problem::NotAList(key));
                Vec::new()
            }
        }
    }

    fn bool(&mut self, key: &'static str, node: &Node<'_>) -> Option<bool> {
        match node.data {
            YamlData::Value(Scalar::Boolean(value)) => Some(value),
            _ => {
                self.wrong(node, Problem::NotABool(key));
                None
            }
        }
    }

    fn parsed<T>(
        &mut self,
        key: &str,
        node: &Node<'_>,
        parse: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let parsed = word(node).ok_or_else(|| Problem::NotAWord(key.to_owned())).and_then(parse);
        parsed.map_err(|problem| self.wrong(node, problem)).ok()
    }
}

/// The text of a node that is a word.
fn word<'a>(node: &'a Node<'_>) -> Option<&'a str> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) => Some(text),
        _ => None,
    }
}

fn silencing(word: &str) -> Result<Silencing, Problem> {
    match word {
        "heard" => Ok(Silencing::Heard),
        "with-reason" => Ok(Silencing::WithReason),
        "forbidden" => Ok(Silencing::Forbidden),
        other => Err(Problem::NotSilencing(other.chars().take(40).collect())),
    }
}
