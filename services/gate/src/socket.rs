//! A unix socket that answers HTTP: made anew at the start, gone at the end.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::Path,
};

use axum::Router;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

/// Listens at `path`. A socket that a predecessor left is replaced, one that still answers is not: its owner would go on unheard.
/// Only its owner and group may connect.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if UnixStream::connect(path).is_ok() {
        let text = format!("another process answers at {}; stop it, or name another socket", path.display());
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Answers until `stop`.
pub(crate) async fn serve(listener: UnixListener, app: Router, stop: CancellationToken) {
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "A socket is no longer answered.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_left_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.sock");
        let first = listen(&path).unwrap();
        assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(path.exists(), "a process that died leaves its socket");
        listen(&path).unwrap();
    }
}
