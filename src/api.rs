//! The table of contents: every feature is one line here; and the layers around them, in order.

use axum::{Router, middleware};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    auth, bookings,
    platform::{
        app::App,
        audit, caller,
        error::Error,
        telemetry,
    },
};

/// The frame of the API's description; the features fill it.
#[derive(OpenApi)]
#[openapi(info(title = "SafeStories", description = "The server a therapy practice runs on."))]
struct Description;

/// What admins reach.
fn admin() -> OpenApiRouter<App> {
    bookings::admin_routes()
}

/// What therapists reach.
fn therapist() -> OpenApiRouter<App> {
    bookings::therapist_routes()
}

/// The service.
pub fn router(app: App) -> Router {
    let trail = || middleware::from_fn_with_state(app.clone(), audit::trail);
    let guard = || middleware::from_fn_with_state(app.clone(), auth::guard::guard);
    let open = auth::open_routes().layer(trail());
    let auth = auth::routes().layer(trail()).layer(guard());
    let admin = admin().layer(middleware::from_fn(caller::admins_only)).layer(trail()).layer(guard());
    let therapist = therapist().layer(middleware::from_fn(caller::therapists_only)).layer(trail()).layer(guard());
    let (router, _) = OpenApiRouter::with_openapi(Description::openapi())
        .nest("/api/v1/auth", open.merge(auth))
        .nest("/api/v1/admin", admin)
        .nest("/api/v1/therapist", therapist)
        .split_for_parts();
    router
        .fallback(|| async { Error::NotFound("resource") })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(middleware::from_fn_with_state(app.clone(), telemetry::observe))
        .with_state(app)
}
