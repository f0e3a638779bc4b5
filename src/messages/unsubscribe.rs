//! The link by which a client ends the messages of a channel, without logging in.
//!
//! Its token is the channel and the client's id with a keyed hash of both: no row is kept for it, and it is good for as long as the
//! server has the secret that it was made with.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use strum::VariantArray as _;

use crate::{
    app::state::App,
    domain::{ids::ClientId, status::Channel},
};

/// Where the page stands; the token follows.
const PAGE: &str = "/unsubscribe/";
/// How long a keyed hash is, in bytes.
const HASH: usize = 32;

/// The link for a client and a channel; none, where the server does not know under which address clients reach it.
pub(super) fn link(app: &App, client: &str, channel: Channel) -> Option<String> {
    let address = app.public_url.as_ref()?;
    let text = format!("{channel} {client}");
    let hash = app.seals.unsubscribing.of(text.as_bytes()).swap_remove(0);
    Some(format!("{address}{PAGE}{}", BASE64.encode([&hash, text.as_bytes()].concat())))
}

/// Whose messages a token ends, and on which channel; none of one that was not made here.
pub fn unsubscribed(app: &App, token: &str) -> Option<(ClientId, Channel)> {
    let token = BASE64.decode(token).ok()?;
    let (hash, text) = token.split_at_checked(HASH)?;
    // All keys are tried, whichever fits.
    let is_ours = app
        .seals
        .unsubscribing
        .of(text)
        .iter()
        .fold(false, |any, one| any | verify_slices_are_equal(one, hash).is_ok());
    let (channel, client) = std::str::from_utf8(text).ok().filter(|_| is_ours)?.split_once(' ')?;
    let channel = Channel::VARIANTS.iter().find(|known| known.as_str() == channel)?;
    Some((ClientId::from(client), *channel))
}
