//! What a registry holds: tags of a repository, repositories of a host. Not what they point at.

use artifact::{Repository, Tag};
use reqwest::{Response, Url, header};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    Error, Result,
    authority::Scope,
    transport::{Transport, bounded, read_limited},
};

/// Largest page read: 4 MiB hold some 30 000 of the longest tags.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;
/// Pages followed. A registry that goes on longer goes round in circles.
const MAX_PAGES: usize = 10_000;

#[derive(Deserialize)]
struct TagPage {
    /// Some registries say `null` once the last tag is deleted.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RepositoryPage {
    repositories: Option<Vec<String>>,
}

impl Transport {
    pub(crate) async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        let subject = format!("tags of {repository}");
        let path = format!("/v2/{}/tags/list", repository.path());
        let pages: Vec<TagPage> = self.pages(&Scope::pull(repository), &path, &subject).await?;
        let texts = pages.into_iter().flat_map(|page| page.tags.unwrap_or_default());
        Ok(texts.filter_map(|text| readable(text.parse().ok(), &text, &subject)).collect())
    }

    pub(crate) async fn repositories(&self, host: &str) -> Result<Vec<Repository>> {
        let subject = format!("repositories of {host}");
        let pages: Vec<RepositoryPage> = self.pages(&Scope::catalog(host), "/v2/_catalog", &subject).await?;
        let texts = pages.into_iter().flat_map(|page| page.repositories.unwrap_or_default());
        Ok(texts
            .filter_map(|text| readable(format!("{host}/{text}").parse().ok(), &text, &subject))
            .collect())
    }

    async fn pages<T: DeserializeOwned>(&self, scope: &Scope, path: &str, subject: &str) -> Result<Vec<T>> {
        let mut next = Some(self.url(scope.host(), path)?);
        let mut pages = Vec::new();
        while let Some(url) = next {
            if pages.len() >= MAX_PAGES {
                return Err(Error::malformed(
                    subject,
                    format!("the registry's list has no end after {MAX_PAGES} pages"),
                ));
            }
            let (page, following) = bounded(self.config.timeout, subject, || async {
                let response = self.send(scope, subject, |http| http.get(url.clone())).await?;
                let following = following(&response, &url, subject)?;
                let body = read_limited(response, PAGE_BYTES, subject).await?;
                let page = serde_json::from_slice(&body).map_err(|error| {
                    Error::malformed(subject, format!("the registry's list can't be read: {error}"))
                })?;
                Ok((page, following))
            })
            .await?;
            pages.push(page);
            next = following;
        }
        Ok(pages)
    }
}

/// A name that no reference can hold can't be pulled either: it is passed over, so that it does not hide all the others.
fn readable<T>(parsed: Option<T>, text: &str, subject: &str) -> Option<T> {
    if parsed.is_none() {
        let text: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
        tracing::warn!(subject, text, "A name that is none was left out.");
    }
    parsed
}

/// The page after this one (distribution-spec, "Listing Tags"; RFC 8288): ours to read only at the same origin.
fn following(response: &Response, page: &Url, subject: &str) -> Result<Option<Url>> {
    let link = response.headers().get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let Some(target) = link.filter_map(next_of).next() else { return Ok(None) };
    let url = page.join(target).ok().filter(|url| url.origin() == page.origin() && url != page);
    let elsewhere = || Error::malformed(subject, "the registry's list goes on at a place where we do not go");
    url.map(Some).ok_or_else(elsewhere)
}

/// The target of `<target>; rel="next"`.
fn next_of(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let relation =
        parameters.split(';').map(str::trim).find_map(|parameter| parameter.strip_prefix("rel="))?;
    (relation.trim_matches('"') == "next").then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(link: &str, target: Option<&str>) {
        assert_eq!(next_of(link), target);
    }

    #[test]
    fn only_the_next_relation_is_followed() {
        check(r#"</v2/_catalog?last=a&n=100>; rel="next""#, Some("/v2/_catalog?last=a&n=100"));
        check("</v2/_catalog?last=a>;rel=next", Some("/v2/_catalog?last=a"));
        check(r#"</v2/_catalog?last=a>; rel="previous""#, None);
        check("</v2/_catalog", None);
        check("", None);
    }
}
