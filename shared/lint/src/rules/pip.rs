//! Calls of pip in their two forms: `pip install` and `python -m pip install`. Not what they may install.

use crate::script::Command;

/// Whether the program is pip under one of its names: `pip`, `pip3`, `pip3.11`.
pub(crate) fn is_pip(call: &Command<'_>) -> bool {
    call.program.starts_with("pip")
}

/// Whether it is `python -m pip install`, other flags before it included.
pub(crate) fn is_module(call: &Command<'_>) -> bool {
    call.program.starts_with("python")
        && call.words.windows(3).any(|three| three.iter().map(AsRef::as_ref).eq(["-m", "pip", "install"]))
}
