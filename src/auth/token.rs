//! Access tokens: JWTs signed with HMAC-SHA-256, good for 15 minutes.
//!
//! A token names its key (`kid`), so that several secrets are valid at once while one replaces another. The algorithm is
//! ours to say, never the token's. "Now" is the server's clock.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::platform::{
    caller::Caller,
    error::{Error, Result},
    ids::{TherapistId, UserId},
    secret::Secrets,
    status::UserRole,
};

/// How long a token is good for.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    sid: Uuid,
    role: UserRole,
    therapist_id: Option<TherapistId>,
    iat: i64,
    exp: i64,
}

/// A token for a caller.
///
/// # Errors
///
/// Never, as far as is known: a claim would have to be unwritable.
pub fn sign(secrets: &Secrets, caller: &Caller, now: DateTime<Utc>) -> Result<String> {
    let secret = secrets.signing();
    let claims = Claims {
        sub: caller.user_id.to_string(),
        sid: caller.session_id,
        role: caller.role,
        therapist_id: caller.therapist_id.clone(),
        iat: now.timestamp(),
        exp: (now + LIFETIME).timestamp(),
    };
    let header = Header { kid: Some(secret.kid().to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret.bytes()))
        .map_err(|error| Error::Internal(error.into()))
}

/// Whom a token proves; `None` if it is not one of ours, or has expired.
#[must_use]
pub fn verify(secrets: &Secrets, token: &str, now: DateTime<Utc>) -> Option<Caller> {
    let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
    let key = DecodingKey::from_secret(secrets.named(&kid)?.bytes());
    let mut rules = Validation::new(Algorithm::HS256);
    // Left to us, since the library would ask the system for the time.
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).ok()?.claims;
    if claims.exp <= now.timestamp() {
        return None;
    }
    Some(Caller {
        user_id: UserId(claims.sub.parse().ok()?),
        session_id: claims.sid,
        role: claims.role,
        therapist_id: claims.therapist_id,
    })
}
