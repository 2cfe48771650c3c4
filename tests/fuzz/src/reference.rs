//! Image references: one text, one image, and the image's own text is read as that image.

use artifact::{ImageRef, Repository};

/// Checks one text.
pub fn check(text: &str) {
    match text.parse::<ImageRef>() {
        Ok(image) => {
            let shown = image.to_string();
            let again = shown.parse::<ImageRef>();
            assert_eq!(again.as_ref(), Ok(&image), "{text} is shown as {shown}");
            assert_eq!(again.map(|again| again.to_string()), Ok(shown));
            assert!(image.tag().is_some() || image.digest().is_some());
            let repository = image.repository();
            assert_eq!(repository.to_string().parse::<Repository>().as_ref(), Ok(repository));
            assert!(!repository.host().is_empty() && !repository.path().is_empty());
            assert_eq!(repository.key().len(), 16);
        }
        Err(error) => assert!(error.to_string().len() < 4 * 400, "a reason can be read"),
    }
}
