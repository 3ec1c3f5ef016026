//! Secrets (reference 1.2, 2.1).

use std::sync::Arc;

use mecha_runtime::Runtime;
use tonic::{Request, Response};

use crate::dispatch::Answer;
use crate::proto::{hashed, ordered, pb};
use crate::status::refuse;

pub(crate) async fn get(
    runtime: Arc<Runtime>,
    request: Request<pb::GetSecretRequest>,
) -> Answer<pb::GetSecretResponse> {
    let request = request.into_inner();
    let metadata = ordered(request.metadata);
    let found = async { runtime.secrets(&request.store_name)?.get(&request.key, &metadata).await };
    let secret = found.await.map_err(|error| refuse(&runtime, &error))?;
    Ok(Response::new(pb::GetSecretResponse { data: hashed(secret) }))
}

pub(crate) async fn get_bulk(
    runtime: Arc<Runtime>,
    request: Request<pb::GetBulkSecretRequest>,
) -> Answer<pb::GetBulkSecretResponse> {
    let request = request.into_inner();
    let metadata = ordered(request.metadata);
    let found = async { runtime.secrets(&request.store_name)?.get_all(&metadata).await };
    let secrets = found.await.map_err(|error| refuse(&runtime, &error))?;
    let each = |(name, secret)| (name, pb::SecretResponse { secrets: hashed(secret) });
    Ok(Response::new(pb::GetBulkSecretResponse { data: secrets.into_iter().map(each).collect() }))
}
