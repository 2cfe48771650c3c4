//! What a request to Docker's daemon asks, read from what the daemon tells its authorization plugin. Pure: what the answer
//! is, and the plugin's socket, are elsewhere.
//!
//! A plugin sees every request before the daemon acts on it (docs.docker.com, "Access authorization plugin"), but not always
//! all of it, and the daemon reads more leniently than most parsers. So what is not understood to the end is refused, except
//! where nothing can start by it. A refusal never stands in the way of looking, stopping or removing.
//!
//! Out of its sight: what the daemon starts by itself, such as containers with a restart policy after its own restart,
//! and the steps of a build.

mod address;
mod body;
mod refusal;
mod route;

use std::collections::BTreeMap;

use artifact::ImageRef;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

pub use refusal::Refusal;

use address::Address;
use route::Route;

/// What the daemon tells of a request. Fields that are not used here are left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The HTTP method.
    pub request_method: String,
    /// The request's target as it stood in its first line: not decoded, with the query.
    pub request_uri: String,
    /// The body in base64. Missing when there is none, when it is not JSON by its header, and when it is over 1 MiB.
    #[serde(default)]
    pub request_body: Option<String>,
    /// The headers, but for credentials; the last value of each.
    #[serde(default)]
    pub request_headers: Option<BTreeMap<String, String>>,
}

/// What a request asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Nothing that is judged here.
    Pass,
    /// May a container be made from this image? It is judged again when it starts.
    Create {
        /// A reference or an id, full or cut, for the daemon to resolve.
        image: String,
        /// Images whose content is mounted into it, named alike.
        mounted: Vec<String>,
        /// The container's name, if it is given one.
        name: Option<String>,
    },
    /// May this container start (again)?
    Start {
        /// Its name or id, full or cut, for the daemon to resolve.
        container: String,
    },
    /// May this image be fetched?
    Pull {
        /// The image.
        reference: ImageRef,
    },
    /// It may not be done, whatever the image.
    Refuse {
        /// Why.
        reason: Refusal,
    },
}

/// What `request` asks. Total: what can't be read is refused.
pub fn question(request: &Request) -> Question {
    read(request).unwrap_or_else(|reason| Question::Refuse { reason })
}

/// The image, by name or id, that `request` would remove.
pub fn removed_image(request: &Request) -> Option<String> {
    if request.request_method != "DELETE" {
        return None;
    }
    let address = Address::parse(&request.request_uri).ok()?;
    let (first, name) = address.parts.split_first()?;
    (first == "images" && !name.is_empty()).then(|| name.join("/"))
}

fn read(request: &Request) -> Result<Question, Refusal> {
    match request.request_method.as_str() {
        // Nothing starts by looking, and a refusal must not keep anybody from removing.
        "GET" | "HEAD" | "OPTIONS" | "DELETE" => return Ok(Question::Pass),
        _ => {}
    }
    let address = Address::parse(&request.request_uri)?;
    match route::find(&request.request_method, &address)? {
        Route::Pass => Ok(Question::Pass),
        Route::Create => create(request, &address),
        Route::Start { container } => Ok(Question::Start { container }),
        Route::Update { container } => Ok(update(request, container)),
        Route::Fetch => fetch(request, &address),
        Route::Refuse { reason } => Err(reason),
    }
}

fn create(request: &Request, address: &Address) -> Result<Question, Refusal> {
    // The daemon itself takes nothing else; a header it reads otherwise than we do is the only way here.
    if !request.content_types().all(is_json) || request.content_types().next().is_none() {
        return Err(Refusal::ContentType);
    }
    let body::Creation { image, mounted } = body::creation(&request.body()?)?;
    let name = address.first("name").filter(|name| !name.is_empty());
    Ok(Question::Create { image, mounted, name })
}

/// An update starts nothing at once, but a restart policy makes the daemon start the container later, unasked.
fn update(request: &Request, container: String) -> Question {
    match request.body().and_then(|body| body::restarts(&body)) {
        Ok(false) => Question::Pass,
        Ok(true) | Err(_) => Question::Start { container },
    }
}

fn fetch(request: &Request, address: &Address) -> Result<Question, Refusal> {
    // The daemon would take a form in the body for the query's better half, and we do not see it.
    if request.content_types().any(|kind| kind.to_ascii_lowercase().contains("form")) {
        return Err(Refusal::Form);
    }
    let image = address.only("fromImage")?.unwrap_or_default();
    if image.is_empty() {
        // An import: a new image from files. Nothing starts by it, and what starts from it is judged then.
        return Ok(Question::Pass);
    }
    let tag = address.only("tag")?.unwrap_or_default();
    let reference = match tag.as_str() {
        // Without tag and digest the daemon fetches all tags, which no single answer covers.
        "" if !is_versioned(&image) => return Err(Refusal::AllTags { image }),
        "" => image,
        digest if digest.contains(':') => format!("{}@{digest}", name_of(&image)),
        tag => format!("{}:{tag}", name_of(&image)),
    };
    let reference = reference.parse().map_err(|reason| Refusal::Reference { reason })?;
    Ok(Question::Pull { reference })
}

impl Request {
    fn content_types(&self) -> impl Iterator<Item = &str> {
        let headers = self.request_headers.iter().flatten();
        headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, value)| value.as_str())
    }

    /// Never an empty one.
    fn body(&self) -> Result<Vec<u8>, Refusal> {
        let encoded = self.request_body.as_deref().unwrap_or_default();
        let body = STANDARD.decode(encoded).map_err(|_| Refusal::NoBody)?;
        if body.is_empty() { Err(Refusal::NoBody) } else { Ok(body) }
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// Whether a tag or a digest is part of the name.
fn is_versioned(image: &str) -> bool {
    name_of(image).len() < image.len()
}

/// The name without tag and digest; a separate `tag` takes their place.
fn name_of(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or_default();
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(path..).and_then(|last| last.find(':')) {
        Some(colon) => name.get(..path + colon).unwrap_or(name),
        None => name,
    }
}

#[cfg(test)]
mod tests;
