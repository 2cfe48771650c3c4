//! The bases of the story: real images of three layers each, of which one file differs from version to version.

use anyhow::Result;
use testkit::image::{ImageRecipe, LayerRecipe};

/// What a container does that is to stay: it ends when it finds /stop, so that its daemon can start it again.
pub const STAY: &[&str] = &["/bin/sh", "-c", "rm -f /stop; while [ ! -e /stop ]; do sleep 0.1; done"];

/// A version of the base: a shell, a library that is the version's own, and a release file.
pub fn base(version: &str) -> Result<ImageRecipe> {
    Ok(ImageRecipe::scratch()
        .layer(LayerRecipe::busybox()?)
        .layer(LayerRecipe::new().file("lib/libfix.txt", version))
        .layer(LayerRecipe::new().file("etc/release", "base os\n"))
        .environment("PATH", "/bin:/usr/bin")
        .command(STAY))
}

/// An image with a tool that others copy; it stands on nothing that is ever banned.
pub fn tool() -> Result<ImageRecipe> {
    Ok(ImageRecipe::scratch()
        .layer(LayerRecipe::busybox()?)
        .layer(LayerRecipe::new().file("opt/tool", "a tool\n"))
        .environment("PATH", "/bin:/usr/bin")
        .command(STAY))
}
