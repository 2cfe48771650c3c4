//! The scan over gRPC, for platforms that do not speak NATS. Wire types come in and go out here; the answer is the same.

use events::rpc::ScanRequest;
use proto::v1::{self as wire, scanner_server};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, transport::Server};

use crate::memory::Memory;

struct Scanner(Memory);

#[tonic::async_trait]
impl scanner_server::Scanner for Scanner {
    async fn scan(&self, request: Request<wire::ScanRequest>) -> Result<Response<wire::ScanReply>, Status> {
        let request = ScanRequest::try_from(request.into_inner())
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let reply = self.0.scan(request).await.map_err(Status::invalid_argument)?;
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
            .add_service(scanner_server::ScannerServer::new(Scanner(memory)))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
            .await
            .map_err(|error| telemetry::Chain(&error).to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = served {
        tracing::error!(%error, "gRPC is no longer answered.");
    }
}
