//! Files that people name or that lie beside what they name, read whole within a measure: what is there may be a link to a device, and those need not end.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use crate::exit::Failure;

/// No configuration, catalog or policy comes near it.
const LONGEST: u64 = 16 << 20;

pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    within(File::open(path)?)
}

pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    text(read(path)?)
}

/// Standard input, as if it were a file.
pub(crate) fn read_input() -> io::Result<Vec<u8>> {
    within(io::stdin().lock())
}

pub(crate) fn read_input_text() -> io::Result<String> {
    text(read_input()?)
}

/// Why a file that was to be read is none that can be: its own fault, or the machine's.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{} cannot be read: {error}", path.display());
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => {
            Failure::Usage(text)
        }
        _ => Failure::Fault(text),
    }
}

fn within(file: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        let why = format!("it has more than {} MiB, and nothing that is read here is so long", LONGEST >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("byte {at} of it is no UTF-8"))
    })
}
