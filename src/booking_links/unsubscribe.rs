//! Ending the messages of a channel, by the link in each of them: for whoever has it, without a login.
//!
//! A page with a button, and the one click of mail programs (RFC 8058), which send a form to the same address and follow no redirect:
//! whatever the form holds, POST withdraws the consent, and GET changes nothing.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::html;

use super::{
    page::frame,
    show::{Token, failed, html as page, unseen, wants_json},
};
use crate::{
    app::{state::App, unit_of_work::Work},
    clients::{self, ConsentGiven},
    domain::{ids::ClientId, status::Channel, text::Text},
    error::{Error, Result, problem::Problems},
    http::telemetry::ClientAddress,
    messages,
};

/// Where the client withdrew it.
const SOURCE: &str = "unsubscribe link";

/// Open the page that ends messages
///
/// Linked from each mail to a client. It changes nothing: its button does.
#[utoipa::path(
    get,
    path = "/unsubscribe/{token}",
    tag = "booking-link",
    params(("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), Problems),
)]
pub(super) async fn get_unsubscribe_page(State(app): State<App>, token: Token, request: Request) -> Response {
    let as_json = wants_json(request.headers());
    match open(&app, &token.0, address(&request)) {
        Ok((_, channel)) => {
            let title = format!("Get no more {}?", in_words(channel));
            let content = html! {
                h1 { (title) }
                p { "Confirmations, reminders and links of your sessions will not be sent to you this way any more." }
                form method="post" { button type="submit" { "Send me no more" } }
            };
            page(StatusCode::OK, "", frame(&title, &content))
        }
        Err(error) => refused(error, as_json),
    }
}

/// End messages
///
/// The client's consent to messages on the channel of the link is withdrawn: what waits to be sent there is not sent. For the button
/// of the page and for the one click of mail programs (RFC 8058): the body is not read, and there is no redirect. A repeat changes
/// nothing.
#[utoipa::path(
    post,
    path = "/unsubscribe/{token}",
    tag = "booking-link",
    params(("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU")),
    responses((status = 200, description = "Withdrawn", body = String, content_type = "text/html"), Problems),
)]
pub(super) async fn unsubscribe(State(app): State<App>, work: Work, token: Token, request: Request) -> Response {
    let (address, as_json) = (address(&request), wants_json(request.headers()));
    let done = async {
        let (client, channel) = open(&app, &token.0, address)?;
        withdraw(work, client, channel).await?;
        Ok(channel)
    };
    match done.await {
        Ok(channel) => {
            let title = format!("You get no more {}", in_words(channel));
            let content = html! {
                h1 { (title) }
                p { "To get messages about your sessions again, please tell the practice, or agree when you book." }
            };
            page(StatusCode::OK, "", frame(&title, &content))
        }
        Err(error) => refused(error, as_json),
    }
}

/// Why it is not done: a page, or a problem for programs that ask for one.
fn refused(error: Error, as_json: bool) -> Response {
    if as_json { unseen(error.into_response()) } else { failed(error) }
}

fn address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ClientAddress>().map(|address| address.0)
}

/// Whose messages a token ends, and where.
fn open(app: &App, token: &str, address: Option<IpAddr>) -> Result<(ClientId, Channel)> {
    let named = app.seals.unsubscribing.of(token.as_bytes());
    app.visits.count(named.first().map_or(&[], Vec::as_slice), address, app.clock.now())?;
    messages::unsubscribed(app, token).ok_or(Error::NotFound("link"))
}

async fn withdraw(work: Work, client: ClientId, channel: Channel) -> Result<()> {
    let source: Text<200> = SOURCE.parse().map_err(|_| Error::internal("a source of our own is none"))?;
    work.run_if_needed(async |uow| {
        // One whose record was merged is known by another id.
        let id = clients::merge_survivor(uow.db(), &client).await?.unwrap_or(client);
        let client = clients::lock(uow.db(), &id).await?.ok_or(Error::NotFound("link"))?;
        client.ensure_kept().map_err(|_| Error::NotFound("link"))?;
        let withdrawn = [ConsentGiven { channel, given: false, source: Some(source) }];
        clients::consent(uow, &client.client_id, &client.name, &withdrawn).await?;
        Ok(())
    })
    .await
}

fn in_words(channel: Channel) -> &'static str {
    match channel {
        Channel::Whatsapp => "WhatsApp messages",
        Channel::Email => "e-mail",
    }
}
