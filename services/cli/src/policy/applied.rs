//! Policies as orders: given from the files in which they are written, listed as the invalidator has them, and taken back.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use evaluator::Evaluator;
use events::{
    order,
    rpc::{PolicyStatus, StatusRequest},
};
use serde_json::{Value, json};
use verdict::{
    Order,
    order::{Rego, Silencing},
};

use super::{read, wrong};
use crate::{
    context,
    exit::{Failure, remark, say},
    orders,
};

/// How long the invalidator may take to say what holds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every policy says of comments that does not say otherwise.
const HEARD: &str = Silencing::Heard.as_str();

#[derive(Debug, clap::Args)]
pub(super) struct ApplyArguments {
    /// A folder of .rego files, one of them, or a JSON file that is the order itself. Files that end in _test.rego stay here.
    #[arg(value_name = "POLICIES")]
    policies: PathBuf,
    /// The policy's name; that of the file or folder where none is given.
    #[arg(long)]
    name: Option<String>,
    /// A JSON file that the modules see as `data`.
    #[arg(short, long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// A package whose rules decide; main where none is named.
    #[arg(short, long, value_name = "PACKAGE")]
    namespace: Vec<String>,
    /// The level from which a finding refuses: error, warning, info, style or none; error where none is given.
    #[arg(long, value_name = "LEVEL")]
    fail_on: Option<String>,
    /// How bad findings are, by rule (main.deny_latest) or by kind (deny, violation, warn).
    #[arg(long, value_name = "RULE=LEVEL", value_parser = level)]
    level: Vec<(String, String)>,
    /// A rule that only says what it would do; * for all.
    #[arg(long, value_name = "RULE")]
    dry_run: Vec<String>,
    /// Projects that it holds for without their naming it: a glob.
    #[arg(long, value_name = "GLOB")]
    project: Vec<String>,
    /// What comments in a definition may silence of the linter's findings: heard, with-reason or forbidden; heard where none is given.
    #[arg(long, value_name = "WORD")]
    silencing: Option<String>,
    #[command(flatten)]
    context: context::Arguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct RemoveArguments {
    /// The policy's name.
    name: String,
    #[command(flatten)]
    context: context::Arguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    context: context::Arguments,
}

fn level(text: &str) -> Result<(String, String), String> {
    let (rule, level) = text.split_once('=').ok_or("write RULE=LEVEL, as in main.deny_latest=warning")?;
    Ok((rule.to_owned(), level.to_owned()))
}

pub(super) async fn apply(arguments: &ApplyArguments) -> Result<(), Failure> {
    let body = arguments.order()?;
    orders::give(order::POLICY, body, &arguments.context).await.map(drop)
}

/// Orders are never deleted: a policy that asks nothing takes the place of the one that did.
pub(super) async fn remove(arguments: &RemoveArguments) -> Result<(), Failure> {
    let RemoveArguments { name, context } = arguments;
    let (held, untold) = held(context).await?;
    let policy = held.iter().find(|policy| policy.name.as_str() == name);
    if policy.is_none() && untold == 0 {
        let names: Vec<&str> = held.iter().map(|policy| policy.name.as_str()).collect();
        return Err(Failure::Usage(match names.as_slice() {
            [] => format!("no policy `{name}` holds, and no other"),
            names => format!("no policy `{name}` holds; there are: {}", names.join(", ")),
        }));
    }
    if let Some(policy) = policy.filter(|policy| !policy.named_by.is_empty()) {
        remark(format_args!(
            "{} named it and are held to the built-in policy from now on: errors of the linter refuse",
            policy.named_by.join(", ")
        ));
    }
    orders::give_as_it_is(order::POLICY, json!({"name": name}).to_string().into_bytes(), context)
        .await
        .map(drop)
}

pub(super) async fn list(arguments: &ListArguments) -> Result<(), Failure> {
    let (held, untold) = held(&arguments.context).await?;
    for policy in held {
        let PolicyStatus {
            name,
            revision,
            operator,
            since: _,
            fail_on,
            modules,
            dry_run,
            projects,
            named_by,
            deny,
            ignore,
            silencing,
        } = policy;
        say(format_args!("{name}: revision {revision} by {operator}, refuses from {fail_on}"));
        if !matches!(silencing.as_str(), "" | HEARD) {
            say(format_args!("  comments that silence: {silencing}"));
        }
        let lines = [
            ("modules", modules),
            ("dry run", dry_run),
            ("denies", deny),
            ("ignores", ignore),
            ("projects", projects),
            ("named by", named_by),
        ];
        for (what, all) in lines.iter().filter(|(_, all)| !all.is_empty()) {
            say(format_args!("  {what}: {}", all.join(", ")));
        }
    }
    if untold > 0 {
        say(format_args!("{untold} policies more, for which the answer had no room"));
    }
    Ok(())
}

/// The policies that hold, and how many more do.
async fn held(context: &context::Arguments) -> Result<(Vec<PolicyStatus>, u32), Failure> {
    let (connection, _) = context.connect().await?;
    let reply = connection.ask(StatusRequest {}, PATIENCE).await.map_err(|error| Failure::fault(&error))?;
    Ok((reply.policies, reply.untold_policies))
}

impl ApplyArguments {
    /// The order's JSON: the file as it is, or made from modules and flags.
    fn order(&self) -> Result<Vec<u8>, Failure> {
        let Self { policies, name, data, namespace, fail_on, level, dry_run, project, silencing, context: _ } =
            self;
        if policies.extension().is_some_and(|extension| extension == "json") {
            let flags = name.is_some() || data.is_some() || fail_on.is_some() || silencing.is_some();
            if flags || ![namespace, dry_run, project].iter().all(|list| list.is_empty()) || !level.is_empty()
            {
                return Err(Failure::Usage(format!(
                    "{} is the order itself: write into it what the flags say",
                    policies.display()
                )));
            }
            return Ok(read(policies)?.into_bytes());
        }
        let mut modules = super::modules(policies)?;
        modules.retain(|module| !module.file.ends_with("_test.rego"));
        if modules.is_empty() {
            return Err(Failure::Usage(format!("{}: nothing but tests there", policies.display())));
        }
        let stem = policies.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let base = if policies.is_dir() { policies.as_path() } else { policies.parent().unwrap_or(policies) };
        let shown = |file: &str| {
            let path = std::path::Path::new(file);
            path.strip_prefix(base).unwrap_or(path).display().to_string()
        };
        let modules: Vec<Value> =
            modules.iter().map(|module| json!({"file": shown(&module.file), "text": module.text})).collect();
        let mut order = json!({
            "name": name.clone().or(stem).unwrap_or_default(),
            "modules": modules, "namespaces": namespace, "dryRun": dry_run, "projects": project,
            "levels": level.iter().cloned().collect::<BTreeMap<_, _>>(),
            "failOn": fail_on.clone().unwrap_or_default(),
        });
        if let (Some(data), Some(order)) = (data, order.as_object_mut()) {
            let said: Value = serde_json::from_str(&read(data)?)
                .map_err(|error| Failure::Usage(format!("{} is not JSON: {error}", data.display())))?;
            order.insert("data".to_owned(), said);
        }
        // Services that do not know the field yet read every order that does not need it.
        if let (Some(word), Some(order)) = (silencing, order.as_object_mut()) {
            order.insert("silencing".to_owned(), json!(word));
        }
        Ok(order.to_string().into_bytes())
    }
}

/// What is wrong with the policy of an order, found here rather than after it was stored.
pub(crate) async fn check(order: &Order) -> Result<(), Failure> {
    let Order::Policy(ordered) = order else { return Ok(()) };
    if ordered.asks_nothing() {
        return Err(Failure::Usage(format!(
            "the policy `{0}` asks nothing; give it `modules`, `deny`, `ignore`, `failOn` or `silencing`, or take it back with `plimsoll policy remove {0}`",
            ordered.name
        )));
    }
    let listed = lint::Policy {
        deny: ordered.deny.clone(),
        ignore: ordered.ignore.clone(),
        ..lint::Policy::default()
    };
    // Codes of modules are `policy/package.rule`.
    for code in listed.unknown_codes().iter().filter(|code| !code.contains('/')) {
        remark(format_args!(
            "nobody finds anything under {code}; `plimsoll explain` lists the codes there are"
        ));
    }
    let Some(rego) = &ordered.rego else { return Ok(()) };
    let Rego { data, namespaces, .. } = rego;
    let policy =
        ::policy::Policy::compile(&super::texts(rego), data.as_deref(), namespaces).map_err(wrong)?;
    let rules = policy.rules();
    if let Some(unknown) = rego.strangers(&rules).first() {
        return Err(Failure::Usage(format!("there is no rule {unknown}; write one of {}", rules.join(", "))));
    }
    // In a child: nobody knows yet what it takes.
    if let Err(mistake) = Evaluator::new(evaluator::Config::default()).try_out(rego).await {
        remark(format_args!("asked about `FROM scratch` it fails, and where it fails it refuses: {mistake}"));
    }
    Ok(())
}
