//! Whether the process lives, and whether it can serve: each dependency by its name, never by its address.

use std::sync::Arc;

use async_trait::async_trait;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::docs::Tags;

/// What serving depends on.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// The state of each dependency, now.
    async fn dependencies(&self) -> Vec<Dependency>;
}

/// One thing that serving depends on.
#[derive(Debug, Clone, Object)]
pub struct Dependency {
    /// Such as `database` or `provider`.
    pub name: String,
    pub ready: bool,
}

#[derive(Object)]
struct Health {
    /// Always `alive`.
    status: String,
}

#[derive(Object)]
struct Ready {
    /// `ready`, or `not_ready` if any dependency is not.
    status: String,
    dependencies: Vec<Dependency>,
}

#[derive(ApiResponse)]
enum ReadyResponse {
    /// Everything is there.
    #[oai(status = 200)]
    Ready(Json<Ready>),
    /// Something is not.
    #[oai(status = 503)]
    NotReady(Json<Ready>),
}

pub struct HealthApi(pub Arc<dyn Readiness>);

#[OpenApi(tag = "Tags::Running")]
impl HealthApi {
    /// Is the process alive?
    #[oai(path = "/healthz", method = "get", operation_id = "healthz")]
    async fn healthz(&self) -> Json<Health> {
        Json(Health { status: "alive".into() })
    }

    /// Can it serve?
    #[oai(path = "/readyz", method = "get", operation_id = "readyz")]
    async fn readyz(&self) -> ReadyResponse {
        let dependencies = self.0.dependencies().await;
        if dependencies.iter().all(|dependency| dependency.ready) {
            ReadyResponse::Ready(Json(Ready { status: "ready".into(), dependencies }))
        } else {
            ReadyResponse::NotReady(Json(Ready { status: "not_ready".into(), dependencies }))
        }
    }
}
