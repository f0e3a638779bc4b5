//! Access tokens: JWTs signed with HMAC-SHA-256, good for 15 minutes.
//!
//! A token names its key (`kid`), so that several secrets are valid at once while one replaces another. The algorithm is
//! ours to say, never the token's, and so are its type and its longest life: a token that lives longer is not one that the
//! server signed. "Now" is the server's clock. Whether its session exists is for the [guard](super::guard).

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    crypto::secret::Secrets,
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
    },
    error::{Error, Result},
    http::caller::Caller,
};

/// How long a token is good for, unless its session ends before.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// By how much the clocks of two instances may differ.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// The type of a token.
const TYPE: &str = "JWT";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    sid: Uuid,
    role: UserRole,
    therapist_id: Option<TherapistId>,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// A token for a caller, good for so long.
///
/// # Errors
///
/// Never, as far as is known: a claim would have to be unwritable.
pub fn sign(secrets: &Secrets, caller: &Caller, now: DateTime<Utc>, lifetime: TimeDelta) -> Result<String> {
    let secret = secrets.signing();
    let claims = Claims {
        sub: caller.user_id.to_string(),
        sid: caller.session_id,
        role: caller.role,
        therapist_id: caller.therapist_id.clone(),
        iat: now.timestamp(),
        nbf: now.timestamp(),
        exp: (now + lifetime).timestamp(),
    };
    let header = Header { kid: Some(secret.kid().to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret.bytes()))
        .map_err(|error| Error::Internal(error.into()))
}

/// The caller that a token proves; `None` if it is not one of ours, or has expired.
pub fn verify(secrets: &Secrets, token: &str, now: DateTime<Utc>) -> Option<Caller> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    // No extension is understood that a token could declare critical.
    if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
        return None;
    }
    let key = DecodingKey::from_secret(secrets.named(&header.kid?)?.bytes());
    let mut rules = Validation::new(Algorithm::HS256);
    // Left to us, since the library would ask the system for the time.
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).ok()?.claims;
    let (latest, longest) = ((now + SKEW).timestamp(), LIFETIME.num_seconds());
    if claims.exp <= now.timestamp()
        || claims.exp.checked_sub(claims.iat).is_none_or(|life| life > longest)
        || claims.iat.max(claims.nbf) > latest
    {
        return None;
    }
    Some(Caller {
        user_id: UserId(claims.sub.parse().ok()?),
        session_id: claims.sid,
        role: claims.role,
        therapist_id: claims.therapist_id,
    })
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use serde_json::json;

    use super::*;

    const ONE: &str = "one:0123456789abcdefghijklmnopqrstuv";
    const TWO: &str = "two:vutsrqponmlkjihgfedcba9876543210";

    fn secrets(text: &str) -> Secrets {
        text.parse().unwrap()
    }

    fn caller() -> Caller {
        Caller {
            user_id: UserId(7),
            session_id: Uuid::from_u128(42),
            role: UserRole::Therapist,
            therapist_id: Some(TherapistId::from("T1")),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_770_201_000, 0).unwrap()
    }

    #[test]
    fn a_token_proves_its_caller_until_it_expires() {
        let token = sign(&secrets(ONE), &caller(), now(), LIFETIME).unwrap();
        let proved = verify(&secrets(ONE), &token, now()).unwrap();
        assert_eq!((proved.user_id, proved.session_id), (UserId(7), Uuid::from_u128(42)));
        assert_eq!((proved.role, proved.therapist_id.unwrap().as_str()), (UserRole::Therapist, "T1"));
        assert!(verify(&secrets(ONE), &token, now() + LIFETIME - TimeDelta::seconds(1)).is_some());
        assert!(verify(&secrets(ONE), &token, now() + LIFETIME).is_none());
    }

    #[test]
    fn secrets_are_exchanged_without_ending_sessions() {
        let old = sign(&secrets(ONE), &caller(), now(), LIFETIME).unwrap();
        let both = secrets(&format!("{TWO},{ONE}"));
        assert!(verify(&both, &old, now()).is_some());
        let new = sign(&both, &caller(), now(), LIFETIME).unwrap();
        assert!(verify(&secrets(TWO), &new, now()).is_some());
        assert!(verify(&secrets(ONE), &new, now()).is_none());
    }

    #[test]
    fn forged_tokens_prove_nothing() {
        let key = EncodingKey::from_secret(secrets(ONE).signing().bytes());
        let claims = json!({
            "sub": "7", "sid": Uuid::from_u128(42), "role": "admin", "therapist_id": null,
            "iat": now().timestamp(), "nbf": now().timestamp(), "exp": now().timestamp() + 900,
        });
        let token = |header: serde_json::Value, claims: &serde_json::Value| {
            let part = |json: &serde_json::Value| BASE64.encode(json.to_string());
            let message = format!("{}.{}", part(&header), part(claims));
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
            format!("{message}.{signature}")
        };
        let good = token(json!({ "typ": "JWT", "alg": "HS256", "kid": "one" }), &claims);
        let proves = |token: &str| verify(&secrets(ONE), token, now()).is_some();
        assert!(proves(&good), "the rest differs in one thing only");

        for header in [
            json!({ "typ": "JWT", "alg": "none", "kid": "one" }),
            json!({ "typ": "JWT", "alg": "HS512", "kid": "one" }),
            json!({ "typ": "JWT", "alg": "RS256", "kid": "one" }),
            json!({ "typ": "JWT", "alg": "HS256", "kid": "two" }),
            json!({ "typ": "JWT", "alg": "HS256" }),
            json!({ "alg": "HS256", "kid": "one" }),
            json!({ "typ": "at+jwt", "alg": "HS256", "kid": "one" }),
            json!({ "typ": "JWT", "alg": "HS256", "kid": "one", "crit": ["b64"], "b64": false }),
            json!({ "typ": "JWT", "alg": "HS256", "kid": "one", "crit": [] }),
        ] {
            assert!(!proves(&token(header.clone(), &claims)), "{header}");
        }
        for (claim, value) in [
            ("role", json!("root")),
            ("sub", json!("x")),
            ("sid", json!(1)),
            ("exp", json!(now().timestamp())),
            ("exp", json!(null)),
            ("exp", json!(now().timestamp() + 901)),
            ("exp", json!(i64::MAX)),
            ("iat", json!(now().timestamp() - 1)),
            ("iat", json!(i64::MIN)),
            ("nbf", json!(now().timestamp() + 61)),
            ("nbf", json!(null)),
        ] {
            let mut claims = claims.clone();
            claims[claim] = value;
            assert!(!proves(&token(json!({ "typ": "JWT", "alg": "HS256", "kid": "one" }), &claims)), "{claim}");
        }
        let parts: Vec<&str> = good.split('.').collect();
        let unsigned = format!("{}.{}.", BASE64.encode(r#"{"typ":"JWT","alg":"none","kid":"one"}"#), parts[1]);
        let other = token(json!({ "typ": "JWT", "alg": "HS256", "kid": "one" }), &json!({ "sub": "1" }));
        let mixed = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
        for forged in ["", ".", "..", "a.b.c", &unsigned, &mixed, &good[..good.len() - 1]] {
            assert!(!proves(forged), "{forged}");
        }
    }
}
