//! Policies as JSON: how large they may be and which words they know. Whether their modules can be read is the invalidator's to say, in a process with
//! limits of its own: nobody who folds orders reads Rego.

use std::collections::BTreeMap;

use proto::v1 as wire;
use verdict::order::{Module, Name, Policy, ProjectPattern, Rego, Silencing};

use super::{field, or_default, required, wrong};
use crate::Malformed;

/// All modules together. Every service and gate keeps the orders in memory, and a message is 1 MiB at most.
const MOST_TEXT_BYTES: usize = 256 << 10;
/// What the modules see as `data`.
const MOST_DATA_BYTES: usize = 256 << 10;
/// More files than this are a library, to be cut to what is used.
const MOST_MODULES: usize = 64;
/// Names of packages, rules and projects, each list.
const MOST_NAMES: usize = 256;
/// A path or a rule's name is not longer.
const LONGEST_NAME: usize = 200;
const LEVELS: [&str; 4] = ["error", "warning", "info", "style"];

pub(super) fn policy(wire: wire::PolicyApplied) -> Result<Policy, Malformed> {
    let wire::PolicyApplied {
        name,
        fail_on,
        deny,
        ignore,
        modules,
        data,
        namespaces,
        levels,
        dry_run,
        projects,
        silencing,
    } = wire;
    let fail_on = match or_default(fail_on, "error").as_str() {
        "none" => None,
        level if LEVELS.contains(&level) => Some(level.to_owned()),
        _ => return Err(wrong("failOn", "write error, warning, info, style or none")),
    };
    for (field, names) in
        [("deny", &deny), ("ignore", &ignore), ("namespaces", &namespaces), ("dryRun", &dry_run)]
    {
        check_names(field, names.iter().map(String::as_str))?;
    }
    let silencing = or_default(silencing, Silencing::default().as_str()).parse::<Silencing>();
    check_names("levels", levels.keys().map(String::as_str))?;
    check_names("projects", projects.iter().map(String::as_str))?;
    let projects = projects.iter().map(|glob| ProjectPattern::new(glob)).collect::<Result<_, _>>();
    let rego = Rego {
        modules: modules.into_iter().map(module).collect::<Result<_, _>>()?,
        data: self::data(data)?,
        namespaces,
        levels: levels.into_iter().collect::<BTreeMap<_, _>>(),
        dry_run,
    };
    Ok(Policy {
        name: field::<Name>("name", name)?,
        fail_on,
        deny,
        ignore,
        rego: self::rego(rego)?,
        projects: projects.map_err(|error| wrong("projects", &error.to_string()))?,
        silencing: silencing.map_err(|error| wrong("silencing", &error.to_string()))?,
    })
}

fn module(wire: wire::PolicyModule) -> Result<Module, Malformed> {
    let wire::PolicyModule { file, text } = wire;
    let file = required("modules", file).map_err(|_| wrong("modules", "give each module its `file` name"))?;
    if file.len() > LONGEST_NAME || file.contains(char::is_control) {
        return Err(wrong("modules", "a `file` is a plain name of at most 200 characters"));
    }
    if text.trim().is_empty() {
        return Err(wrong(
            "modules",
            &format!("{file} is empty; write Rego into its `text`, or leave it out"),
        ));
    }
    Ok(Module { file, text })
}

fn data(data: Option<pbjson_types::Struct>) -> Result<Option<String>, Malformed> {
    let Some(data) = data else { return Ok(None) };
    let text = serde_json::to_string(&data)
        .map_err(|error| wrong("data", &format!("it cannot be written as JSON: {error}")))?;
    if text.len() > MOST_DATA_BYTES {
        return Err(wrong("data", &format!("it takes {} bytes; {MOST_DATA_BYTES} are the most", text.len())));
    }
    Ok(Some(text))
}

/// The modules with what is said of them; none where there are none, and then nothing may be said of them.
fn rego(rego: Rego) -> Result<Option<Rego>, Malformed> {
    let Rego { modules, data, namespaces, levels, dry_run } = &rego;
    if modules.is_empty() {
        let said = !namespaces.is_empty() || !levels.is_empty() || !dry_run.is_empty() || data.is_some();
        return match said {
            true => Err(wrong(
                "modules",
                "`data`, `namespaces`, `levels` and `dryRun` are about modules; give those too",
            )),
            false => Ok(None),
        };
    }
    if modules.len() > MOST_MODULES {
        return Err(wrong("modules", &format!("there are {}; {MOST_MODULES} are the most", modules.len())));
    }
    let bytes: usize = modules.iter().map(|module| module.text.len()).sum();
    if bytes > MOST_TEXT_BYTES {
        let many = format!(
            "they take {bytes} bytes; {MOST_TEXT_BYTES} are the most: leave out tests and what no rule uses"
        );
        return Err(wrong("modules", &many));
    }
    let mut files: Vec<&str> = modules.iter().map(|module| module.file.as_str()).collect();
    files.sort_unstable();
    let twice = files.iter().zip(files.iter().skip(1)).find(|(one, other)| one == other);
    if let Some((file, _)) = twice {
        return Err(wrong("modules", &format!("two are called {file}; give each its own name")));
    }
    if let Some((rule, level)) = levels.iter().find(|(_, level)| !LEVELS.contains(&level.as_str())) {
        let level: String = level.chars().take(LONGEST_NAME).collect();
        return Err(wrong(
            "levels",
            &format!("`{level}` of {rule} is not a level; write one of {}", LEVELS.join(", ")),
        ));
    }
    Ok(Some(rego))
}

fn check_names<'n>(
    field: &'static str,
    names: impl ExactSizeIterator<Item = &'n str>,
) -> Result<(), Malformed> {
    if names.len() > MOST_NAMES {
        return Err(wrong(field, &format!("there are {}; {MOST_NAMES} are the most", names.len())));
    }
    for name in names {
        if name.is_empty()
            || name.len() > LONGEST_NAME
            || name.contains(|c: char| c.is_control() || c.is_whitespace())
        {
            return Err(wrong(field, "each is one word of at most 200 characters"));
        }
    }
    Ok(())
}
