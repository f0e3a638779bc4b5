//! How many wrong guesses are borne, within which time, before the next one is refused.

use std::{fmt, str::FromStr};

use chrono::TimeDelta;

/// A number of guesses within a time: `10/60` is ten in sixty minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many guesses.
    pub guesses: u16,
    /// Within how many minutes.
    pub minutes: u16,
}

impl Rate {
    /// The longest time that a rate may be about: guesses are kept for as long.
    pub const LONGEST: TimeDelta = TimeDelta::days(1);

    /// The time that is looked back.
    pub fn window(self) -> TimeDelta {
        TimeDelta::minutes(self.minutes.into())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.guesses, self.minutes)
    }
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (guesses, minutes) = text.split_once('/')?;
            Some(Self { guesses: guesses.trim().parse().ok()?, minutes: minutes.trim().parse().ok()? })
        };
        let rate = read().filter(|rate| rate.guesses > 0 && rate.minutes > 0 && rate.window() <= Self::LONGEST);
        rate.ok_or("write how many in how many minutes, 1440 at most: 10/60")
    }
}

/// The bounds on wrong guesses.
#[derive(Debug, Clone, Copy)]
pub struct GuessLimits {
    /// Wrong second factors of one account.
    pub codes: Rate,
    /// Wrong passwords of one account from callers who hold a token of it.
    pub passwords: Rate,
    /// Names whose password was wrong, from one network.
    pub names: Rate,
    /// For how many days after a login from a network its account is free of the bound on names there.
    pub known_days: u16,
}

impl GuessLimits {
    /// Where nothing else is set.
    pub const DEFAULT: Self = Self {
        codes: Rate { guesses: 10, minutes: 60 },
        passwords: Rate { guesses: 5, minutes: 15 },
        names: Rate { guesses: 30, minutes: 60 },
        known_days: 30,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_minutes() {
        let rate: Rate = "10/60".parse().unwrap();
        assert_eq!((rate, rate.to_string()), (GuessLimits::DEFAULT.codes, "10/60".to_owned()));
        for wrong in ["", "10", "0/60", "10/0", "10/1441", "-1/5", "ten/60", "10/60/5"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
