//! Why a request is refused whatever its image. Refusals by verdict are the verdict's.

use artifact::InvalidReference;

/// Why a request is refused whatever its image. What it says is shown to whoever sent the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body is not to be seen.
    #[error(
        "this request to make a container arrived without its body, so its image can't be judged; Docker hides bodies over \
         1 MiB from its plugins: pass less in it (environment, labels, configuration)"
    )]
    NoBody,
    /// The body is not declared as JSON.
    #[error("a request to make a container must say `Content-Type: application/json`")]
    ContentType,
    /// The body cannot be read.
    #[error("the body of this request is not one JSON object: {reason}")]
    NotJson {
        /// What is wrong with it.
        reason: String,
    },
    /// The body names no image, or several.
    #[error("the body of this request names {count} images in its field `Image`; it must name exactly one")]
    Image {
        /// How many.
        count: usize,
    },
    /// What is to be fetched may stand in a form that is not to be seen.
    #[error("a request to fetch an image must name it in its query; a form in its body is refused")]
    Form,
    /// One parameter has several values.
    #[error("the query of this request gives `{parameter}` more than once or with a `;`; give it once")]
    Query {
        /// The parameter.
        parameter: &'static str,
    },
    /// It would fetch all tags.
    #[error("`{image}` has neither tag nor digest, which would fetch every tag of it; name one")]
    AllTags {
        /// The name.
        image: String,
    },
    /// What is to be fetched is no reference.
    #[error("{reason}")]
    Reference {
        /// What is wrong with it.
        reason: InvalidReference,
    },
    /// The container's name is none.
    #[error("`{name}` is not a container's name or id; use the name or id that `docker ps --all` shows")]
    Container {
        /// What was given.
        name: String,
    },
    /// The path has more than one reading.
    #[error("the path of this request is not written plainly (no empty part, no `.` or `..`): {path}")]
    Path {
        /// The path.
        path: String,
    },
    /// What it starts is started by the daemon itself.
    #[error(
        "{what} would run images that are never judged here, so they are refused on this node; use `docker run`"
    )]
    PastTheGate {
        /// What was asked for, in the plural.
        what: &'static str,
    },
    /// It is not in the table of what is known.
    #[error("{method} {path} is not a request that this gate knows, and what it does not know it refuses")]
    Unknown {
        /// The method.
        method: String,
        /// The path.
        path: String,
    },
}
