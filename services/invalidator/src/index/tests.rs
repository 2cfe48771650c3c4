//! The index: found by everything that identifies an image, gone when it is gone, the same after a restart.

use artifact::chain_ids;
use events::fact::ImageInstance;

use super::*;

fn pushed(name: &str, layers: &[&str]) -> ImagePushed {
    let reference: ImageRef = name.parse().unwrap();
    ImagePushed {
        repository: reference.repository().clone(),
        tag: reference.tag().cloned(),
        digest: Digest::of(layers.join(",").as_bytes()),
        instances: vec![ImageInstance {
            digest: Digest::of(layers.join(",").as_bytes()),
            platform: None,
            config_digest: Digest::of(format!("config {}", layers.join(",")).as_bytes()),
            layers: layers.iter().map(|layer| Digest::of(layer.as_bytes()).into()).collect(),
            claimed_base: None,
        }],
    }
}

fn names(images: Vec<Image>) -> Vec<String> {
    let mut names: Vec<_> = images.iter().flat_map(Image::names).map(|name| name.to_string()).collect();
    names.sort();
    names
}

fn top(image: &ImagePushed) -> ChainId {
    chain_ids(&image.instances[0].layers).pop().unwrap()
}

#[test]
fn images_are_found_by_what_they_stand_on() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap();
    let base = pushed("r.io/os:1", &["a", "b"]);
    for (image, sequence) in
        [&base, &pushed("r.io/app:1", &["a", "b", "c"]), &pushed("r.io/x:1", &["a", "z"])]
            .into_iter()
            .zip(1..)
    {
        index.pushed(image, sequence).unwrap();
    }
    assert_eq!(names(index.standing_on(&top(&base)).unwrap()), ["r.io/app:1", "r.io/os:1"]);
    assert_eq!(names(index.topped_by(&top(&base)).unwrap()), ["r.io/os:1"]);
    assert_eq!(names(index.containing(&base.instances[0].layers[0]).unwrap()).len(), 3);
    assert_eq!(names(index.identified_by(&base.instances[0].config_digest).unwrap()), ["r.io/os:1"]);
    assert_eq!(index.count(), 3);
}

#[test]
fn a_tag_points_at_the_last_push() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap();
    let (old, new) = (pushed("r.io/app:1", &["a"]), pushed("r.io/app:1", &["b"]));
    index.pushed(&old, 1).unwrap();
    index.pushed(&new, 2).unwrap();
    assert_eq!(index.named(&"r.io/app:1".parse().unwrap()).unwrap().unwrap().pushed.digest, new.digest);
    assert!(index.image(&old.repository, &old.digest).unwrap().unwrap().tags.is_empty());
    index.deleted(&new.repository, &new.digest, 3).unwrap();
    assert_eq!(index.named(&"r.io/app:1".parse().unwrap()).unwrap(), None);
    assert!(index.standing_on(&top(&new)).unwrap().is_empty());
}

#[test]
fn filled_again_it_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let base = pushed("r.io/os:1", &["a"]);
    let answers = |folder: &std::path::Path| {
        let index = Index::open(folder).unwrap();
        let from = index.position(StreamName::Images).unwrap();
        for (image, sequence) in
            [&base, &pushed("r.io/app:1", &["a", "b"])].into_iter().zip(1..).filter(|(_, n)| *n > from)
        {
            index.pushed(image, sequence).unwrap();
        }
        names(index.standing_on(&top(&base)).unwrap())
    };
    let first = answers(folder.path());
    assert_eq!(answers(folder.path()), first);
    assert_eq!(answers(other.path()), first);
}
