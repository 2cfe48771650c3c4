//! The scan over gRPC, for platforms that do not speak NATS. Wire types come in and go out here; the answer is the same.

use std::time::Duration;

use events::rpc::ScanRequest;
use proto::v1::{self as wire, scanner_server};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, transport::Server};

use crate::memory::Memory;

/// How long an answer may take, whatever its asker waits for: as long as on the bus.
const LONGEST: Duration = Duration::from_secs(25);

/// The largest message either way: what clients take that were not told otherwise. Both sides say size and limit of what is larger.
const LARGEST_BYTES: usize = 4 << 20;

struct Scanner(Memory);

#[tonic::async_trait]
impl scanner_server::Scanner for Scanner {
    async fn scan(&self, request: Request<wire::ScanRequest>) -> Result<Response<wire::ScanReply>, Status> {
        let request = ScanRequest::try_from(request.into_inner())
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let scanned = tokio::time::timeout(LONGEST, self.0.scan(request)).await;
        let late =
            |_| Status::deadline_exceeded(format!("no answer was found within {LONGEST:?}; ask again"));
        let reply = scanned.map_err(late)?.map_err(Status::invalid_argument)?;
        Ok(Response::new(reply.into()))
    }
}

/// Answers until `stop`.
pub(crate) async fn serve(listener: TcpListener, memory: Memory, stop: CancellationToken) {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .build_v1();
    let served = match reflection {
        Ok(reflection) => Server::builder()
            .add_service(reflection)
            .add_service(
                scanner_server::ScannerServer::new(Scanner(memory))
                    .max_decoding_message_size(LARGEST_BYTES)
                    .max_encoding_message_size(LARGEST_BYTES),
            )
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
            .await
            .map_err(|error| telemetry::Chain(&error).to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = served {
        tracing::error!(%error, "gRPC is no longer answered.");
    }
}
