//! Dead letters: what no consumer could handle, read and redriven by a person, and looked up by the consumer that gave up.

use std::time::Duration;

use async_nats::jetstream::{self, stream::DirectGetErrorKind};
use events::{
    Event as _,
    fact::{DeadLetter, Redrive},
    topology::StreamName,
};
use verdict::Operator;

use crate::{
    accounts::LETTERS_API,
    connection::{Connection, Error, bounded},
};

/// What became of a redrive.
#[derive(Debug, Clone, PartialEq)]
pub enum Redriven {
    /// It was handled.
    Handled,
    /// It failed again, and says why; it stays in DEAD.
    Failed(DeadLetter),
    /// It is stored and will be tried; nobody has said yet what came of it.
    Asked,
}

impl Connection {
    /// Every letter that waits for somebody, oldest first. As a person.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Error> {
        let dead = jetstream::with_prefix(self.client.clone(), LETTERS_API);
        let action = "read the dead letters";
        let dead = bounded(action, dead.get_stream_no_info(StreamName::Dead.as_str())).await?;
        let mut letters = Vec::new();
        let mut next = 1;
        loop {
            let asked = dead.direct_get_next_for_subject(format!("{}.>", DeadLetter::KIND), Some(next));
            let Some(found) =
                found(bounded(action, async { Ok::<_, async_nats::Error>(asked.await) }).await?)?
            else {
                return Ok(letters);
            };
            next = found.sequence + 1;
            let letter = DeadLetter::decode(&found.payload)
                .map_err(|source| Error::Unreadable { subject: found.subject.to_string(), source })?;
            if letter.settled_at.is_none() {
                letters.push(letter);
            }
        }
    }

    /// Has a letter tried again by the consumer that gave up, and waits at most `patience` for what comes of it. As a person.
    pub async fn redrive(
        &self,
        letter: &DeadLetter,
        operator: &Operator,
        patience: Duration,
    ) -> Result<Redriven, Error> {
        // Listen first: the answer may be faster than the acknowledgement.
        let mut answers = self.listen(letter.subject().as_str()).await?;
        let redrive = Redrive {
            stream: letter.stream.clone(),
            consumer: letter.consumer.clone(),
            sequence: letter.sequence,
            operator: operator.to_string(),
        };
        // Each wish is one of its own.
        self.publish(redrive, &self.unique_name()).await?;
        let answer = async {
            let (_, body) = answers.next().await?;
            let letter = DeadLetter::decode(&body).ok()?;
            Some(if letter.settled_at.is_some() { Redriven::Handled } else { Redriven::Failed(letter) })
        };
        Ok(tokio::time::timeout(patience, answer).await.ok().flatten().unwrap_or(Redriven::Asked))
    }

    /// The letter that `consumer` wrote about a message of `stream`.
    pub(crate) async fn letter(
        &self,
        stream: StreamName,
        consumer: &str,
        sequence: u64,
    ) -> Result<Option<DeadLetter>, Error> {
        let action = "read a dead letter";
        let dead = bounded(action, self.jetstream.get_stream_no_info(StreamName::Dead.as_str())).await?;
        let subject = format!("{}.{stream}.{consumer}.{sequence}", DeadLetter::KIND);
        let asked = dead.direct_get_last_for_subject(subject.clone());
        let found = found(bounded(action, async { Ok::<_, async_nats::Error>(asked.await) }).await?)?;
        let decode =
            |body: &[u8]| DeadLetter::decode(body).map_err(|source| Error::Unreadable { subject, source });
        found.map(|found| decode(&found.payload)).transpose()
    }
}

/// What was asked for, or that there is none.
fn found<T>(asked: Result<T, jetstream::stream::DirectGetError>) -> Result<Option<T>, Error> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::broker("read a dead letter", error)),
    }
}
