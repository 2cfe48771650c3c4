//! The whole crate from outside: every form of the language, every way to use an image, and the properties of both.

mod disputes;
mod forms;
mod hostile;
mod patch;
mod properties;
mod uses;
