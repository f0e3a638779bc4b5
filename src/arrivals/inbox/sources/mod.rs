//! The services: how the messages of each are read.

mod dayschedule;
mod generic;
mod paperform;
mod razorpay;
mod whatsapp;

use serde_json::Value;

use super::message::{Reading, Source, digest_of};

/// Reads the body of a message.
pub(super) fn read(source: Source, body: &[u8]) -> Reading {
    let body: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON")?;
    match source {
        Source::Dayschedule => dayschedule::read(&body),
        Source::Razorpay => razorpay::read(&body),
        Source::Paperform => paperform::read(&body),
        Source::Whatsapp => whatsapp::read(&body),
        Source::Generic => generic::read(&body),
    }
}

/// By which a repeat is known, of services that send no id in a header.
pub(super) fn key_of(source: Source, body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let key = match source {
        Source::Dayschedule => dayschedule::key_of(&json),
        Source::Paperform => paperform::key_of(&json),
        Source::Razorpay | Source::Whatsapp | Source::Generic => None,
    };
    key.unwrap_or_else(|| digest_of(body))
}
