//! The rules of parsed modules by name, as far as conftest's conventions and `opa test` give names a meaning.

use regorus::{
    Engine,
    unstable::{Expr, Module, Rule, RuleHead},
};

/// One rule that was written, once for each of its bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) package: String,
    /// The package as a path for queries.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A set, or a value that is assigned.
    Values,
    /// Nothing but true.
    Truth,
    Function,
}

/// Every rule of every module, in the order of the modules.
pub(crate) fn rules(engine: &mut Engine) -> Vec<Written> {
    let Ok(packages) = engine.get_policy_package_components() else { return Vec::new() };
    let modules = engine.get_modules().iter().zip(packages);
    modules.flat_map(|(module, package)| rules_of(module, &package.components)).collect()
}

/// The names that modules give to what they import.
pub(crate) fn aliases(engine: &mut Engine) -> Vec<String> {
    let imports = engine.get_modules().iter().flat_map(|module| module.imports.iter());
    imports.filter_map(|import| Some(import.r#as.as_ref()?.text().to_owned())).collect()
}

fn rules_of(module: &Module, components: &[String]) -> Vec<Written> {
    let path = components.iter().fold("data".to_owned(), |path, component| {
        let plain = component.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain { format!("{path}.{component}") } else { format!("{path}[{component:?}]") }
    });
    let written = |name: &Expr, shape| {
        let span = name.span();
        let text = span.text();
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        Written {
            package: components.join("."),
            path: path.clone(),
            name: text.get(..end).unwrap_or_default().to_owned(),
            file: span.source.get_path().clone(),
            line: usize::try_from(span.line).unwrap_or(usize::MAX),
            shape,
        }
    };
    let rules = module.policy.iter().map(|rule| match rule.as_ref() {
        Rule::Spec { head: RuleHead::Compr { refr, assign, .. }, .. } => {
            // `deny[msg] { … }` of v0 is a set in one reading and one entry of an object in the other.
            let bare = matches!(refr.as_ref(), Expr::Var { .. });
            written(refr, if assign.is_none() && bare { Shape::Truth } else { Shape::Values })
        }
        Rule::Spec { head: RuleHead::Set { refr, .. }, .. } => written(refr, Shape::Values),
        Rule::Spec { head: RuleHead::Func { refr, .. }, .. } => written(refr, Shape::Function),
        Rule::Default { refr, .. } => written(refr, Shape::Values),
    });
    rules.collect()
}
