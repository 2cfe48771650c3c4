//! What a reference in a Dockerfile means: an image, a stage, nothing, or what cannot be told. Not where references stand.

use std::ops::Range;

use artifact::{BaseRole, ImageRef};

use super::{ImageUse, Unresolved, inner::Site};
use crate::{
    document::Dockerfile,
    expand::Scope,
    inputs::Inputs,
    instruction::Word,
    shell::ShellError,
    stage::{Named, Stage, StageNames},
};

/// What a reference turns out to be.
pub(super) enum Meaning {
    Image(ImageRef),
    Stage(usize),
    /// The empty image.
    Scratch,
    Unresolved(String),
}

impl Meaning {
    /// The use that it makes there; none where no image is used.
    pub(super) fn image_use(
        self,
        role: BaseRole,
        stage: &Stage,
        line: usize,
        span: Range<usize>,
        written: &str,
    ) -> Option<ImageUse> {
        let resolved = match self {
            Self::Scratch | Self::Stage(_) => return None,
            Self::Image(image) => Ok(image),
            Self::Unresolved(reason) => Err(Unresolved { reason }),
        };
        let (written, stage_name) = (written.to_owned(), stage.name.clone());
        let stage = Some(stage.index);
        Some(ImageUse { role, stage, stage_name, line, span, written, trigger: None, resolved })
    }
}

/// Names that buildah takes for the storage to read from (`containers/image` transports), where BuildKit sees a repository.
const TRANSPORTS: [&str; 10] = [
    "containers-storage",
    "dir",
    "docker",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "ostree",
    "sif",
    "tarball",
];

/// The names of one file under the inputs of one build.
pub(super) struct Resolver<'a> {
    inputs: &'a Inputs,
    scope: Scope<'a>,
    names: StageNames,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(file: &Dockerfile, inputs: &'a Inputs) -> Self {
        let scope = Scope::new(file.global_pairs(), file.escape(), inputs);
        Self { inputs, scope, names: StageNames::new(file.stages()) }
    }

    /// What a FROM stands on.
    pub(super) fn base(&self, file: &Dockerfile, stage: &Stage) -> Meaning {
        match (self.reference(stage), self.platform(file, stage)) {
            (Meaning::Image(_), Some(reason)) => Meaning::Unresolved(reason),
            (meaning, _) => meaning,
        }
    }

    /// Why the platform of a FROM cannot be told, if it should be and cannot. One that depends on where the build runs chooses among the
    /// instances of one image, which are all judged.
    fn platform(&self, file: &Dockerfile, stage: &Stage) -> Option<String> {
        file.opening(stage)?.flags_named("platform").find_map(|flag| {
            let written = flag.value.as_deref().unwrap_or_default();
            let why = match self.scope.expand(written) {
                Err(ShellError::Unknown(_)) => return None,
                Err(error) => error.to_string(),
                Ok(platform) if is_platform(&platform) => return None,
                Ok(platform) => format!("`{platform}` is no platform"),
            };
            Some(format!("--platform={written} cannot be resolved: {why}; write <os>/<architecture>"))
        })
    }

    fn reference(&self, stage: &Stage) -> Meaning {
        let Some(Word { text: written, .. }) = &stage.base else {
            return Meaning::Unresolved("FROM names nothing".to_owned());
        };
        let name = match self.scope.expand(written) {
            Ok(name) => name,
            Err(error) => {
                return Meaning::Unresolved(format!(
                    "{written} cannot be resolved: {error}; write the reference out"
                ));
            }
        };
        if let Some(meaning) = self.context(&name, written) {
            return meaning;
        }
        let literal = !written.contains('$');
        let disputed = |how: &str| {
            Meaning::Unresolved(format!("{name} is a stage to some builders and an image to others: {how}"))
        };
        match self.names.named(&name) {
            Named::Stage(index) if index < stage.index && literal => Meaning::Stage(index),
            Named::Stage(index) if index < stage.index => {
                disputed("it comes from an ARG; write the stage's name itself")
            }
            // `FROM alpine AS alpine` stands on the image for every builder.
            Named::Stage(index) | Named::OtherCase(index) if index == stage.index => image(&name, written),
            Named::Stage(_) => disputed("a later stage has that name; rename it"),
            Named::OtherCase(_) => disputed("a stage's name differs in case alone; write both alike"),
            Named::Several(_) => disputed("several stages have that name; give each its own"),
            Named::Nothing if name == "scratch" => Meaning::Scratch,
            Named::Nothing if is_number(&name) => disputed("name the stage and write its name"),
            Named::Nothing if name.is_empty() => Meaning::Unresolved(format!(
                "{written} is empty without a build argument; give its ARG a default before the first FROM"
            )),
            Named::Nothing => image(&name, written),
        }
    }

    /// What a `--from` or `from=` means. Variables are expanded by some builders and refused by others.
    pub(super) fn source(&self, role: BaseRole, site: &Site<'_>, written: &str) -> Meaning {
        let stage = site.stage;
        if written.contains(['$', '\\', '`', '\'', '"']) {
            return Meaning::Unresolved(format!(
                "{written} is not expanded here by every builder; name a stage with FROM {written} AS <name> and copy from that"
            ));
        }
        let disputed = |how: &str| {
            Meaning::Unresolved(format!("{written} does not mean the same to every builder: {how}"))
        };
        if let Some(meaning) = self.context(written, written) {
            return meaning;
        }
        let named = self.names.named(written);
        if site.is_deferred {
            return match named {
                Named::Nothing if !is_number(written) => image_or_scratch(written),
                _ => disputed("an ONBUILD trigger looks it up in the build on top; name an image"),
            };
        }
        match named {
            Named::Stage(index) if index < stage.index => Meaning::Stage(index),
            // COPY waits for a later stage in every builder; a mount does not.
            Named::Stage(index) if index > stage.index && role == BaseRole::Copy => Meaning::Stage(index),
            Named::Stage(_) => disputed("that stage is not finished here; put it before this one"),
            Named::OtherCase(_) => disputed("a stage's name differs in case alone; write both alike"),
            Named::Several(_) => disputed("several stages have that name; give each its own"),
            Named::Nothing if is_number(written) => match stage_number(written) {
                Some(index) if index < stage.index && role == BaseRole::Copy => Meaning::Stage(index),
                _ => disputed(
                    "it is not the number of a stage before this one; name the stage and write its name",
                ),
            },
            Named::Nothing => image_or_scratch(written),
        }
    }

    /// What the named context of that name is, if there is one. It comes before stages and registries.
    fn context(&self, name: &str, written: &str) -> Option<Meaning> {
        let value = self.inputs.context(name)?;
        if !matches!(self.names.named(name), Named::Nothing) {
            let reason = format!(
                "{written} is a stage and a named context ({value}), and builders differ on which; rename one"
            );
            return Some(Meaning::Unresolved(reason));
        }
        let image = IMAGE_CONTEXTS.iter().find_map(|scheme| value.strip_prefix(scheme));
        Some(image.map(image_or_scratch).unwrap_or_else(|| {
            Meaning::Unresolved(format!(
                "the named context {name}={value} is no image, which alone can be judged; give docker-image://<image>"
            ))
        }))
    }
}

/// The named contexts that are images: BuildKit's word and buildah's.
const IMAGE_CONTEXTS: [&str; 2] = ["docker-image://", "container-image://"];

/// `<os>[/<architecture>[/<variant>]]`, as builders read it.
fn is_platform(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-()".contains(&b))
    };
    text.split('/').count() <= 3 && text.split('/').all(word)
}

fn image_or_scratch(name: &str) -> Meaning {
    if name == "scratch" { Meaning::Scratch } else { image(name, name) }
}

/// The image that `name` is; `written` is what the file says where it does not say `name`.
pub(super) fn image(name: &str, written: &str) -> Meaning {
    if let Some((transport, _)) = name.split_once(':').filter(|(first, _)| TRANSPORTS.contains(first)) {
        return Meaning::Unresolved(format!(
            "{written} names the storage `{transport}:` to some builders and a repository to others; write the registry's host before it"
        ));
    }
    match name.parse() {
        Ok(image) => Meaning::Image(image),
        Err(error) => Meaning::Unresolved(match written == name {
            true => format!("{error}; write [<registry>/]<repository>[:<tag>]"),
            false => {
                format!("{written} expands to what is no image: {error}; check the ARG that it comes from")
            }
        }),
    }
}

/// Whether some builder may take the text for a stage's number (Go's `strconv.Atoi`).
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The number in the one spelling that every builder takes for a stage's.
fn stage_number(text: &str) -> Option<usize> {
    let plain = text == "0" || (!text.starts_with(['0', '+', '-']));
    text.parse().ok().filter(|_| plain)
}
