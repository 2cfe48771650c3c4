//! What the body of a request says of images and restarts, read as the daemon's Go would read it. Nothing else of it.
//!
//! Go takes `iMaGe` for `Image` (encoding/json: "preferring an exact match but also accepting a case-insensitive match"),
//! lets the last of several win, and takes ſ and K for s and k. So fields are found by folded name, all of them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::refusal::Refusal;

/// What a request to make a container says of images.
#[derive(Debug)]
pub(super) struct Creation {
    pub(super) image: String,
    pub(super) mounted: Vec<String>,
}

/// Reads a request to make a container.
pub(super) fn creation(body: &[u8]) -> Result<Creation, Refusal> {
    let body = parse(body)?;
    let images: Vec<&Json> = body.fields("image").collect();
    let [Json::Text(image)] = images.as_slice() else {
        // One that is no text names none.
        return Err(Refusal::Image { count: if images.len() == 1 { 0 } else { images.len() } });
    };
    if image.is_empty() {
        // The daemon would make a container of nothing, whose files all come from mounts.
        return Err(Refusal::Image { count: 0 });
    }
    // Old clients write the host's part at the top.
    let hosts = body.fields("hostconfig").chain([&body]);
    let mounts = hosts.flat_map(|host| host.fields("mounts")).flat_map(Json::elements);
    let of_images = mounts.filter(|mount| mount.fields("type").any(|kind| kind.is_word("image")));
    let mounted =
        of_images.flat_map(|mount| mount.fields("source")).filter_map(Json::text).map(str::to_owned);
    Ok(Creation { image: image.clone(), mounted: mounted.collect() })
}

/// Whether a request to update a container gives it a restart policy.
pub(super) fn restarts(body: &[u8]) -> Result<bool, Refusal> {
    let body = parse(body)?;
    let mut names = body.fields("restartpolicy").flat_map(|policy| policy.fields("name"));
    // Without a name the policy stays as it was.
    Ok(!names.all(|name| matches!(name, Json::Other) || name.is_word("") || name.is_word("no")))
}

fn parse(body: &[u8]) -> Result<Json, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Json::Object(fields)) => Ok(Json::Object(fields)),
        Ok(_) => Err(Refusal::NotJson { reason: "it is another kind of value".to_owned() }),
        Err(error) => Err(Refusal::NotJson { reason: error.to_string() }),
    }
}

/// JSON with every field of an object, also those that share a name. What can't be a name or hold one is not kept.
#[derive(Debug)]
enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Text(String),
    Other,
}

impl Json {
    /// The values of all fields that Go would take for `name`, which is in lower case.
    fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        let fields = match self {
            Self::Object(fields) => fields.as_slice(),
            Self::Array(_) | Self::Text(_) | Self::Other => &[],
        };
        fields.iter().filter(move |(field, _)| folded(field).eq(name.chars())).map(|(_, value)| value)
    }

    fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) => elements,
            Self::Object(_) | Self::Text(_) | Self::Other => &[],
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Object(_) | Self::Array(_) | Self::Other => None,
        }
    }

    fn is_word(&self, word: &str) -> bool {
        self.text().is_some_and(|text| text.eq_ignore_ascii_case(word))
    }
}

/// Unicode's simple folding, as far as it leads to ASCII letters.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = input.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = input.next_element()? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }
}
