//! Made-up people.
//!
//! Names are combined from lists, telephone numbers are counted off (clients +91 98…, therapists +91 97…, relatives
//! +91 96…), addresses end in `example.org`. A client is found again by number alone, so nothing of them is kept.

use chrono_tz::Tz;

use super::random::{Random, Topic};

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) name: String,
    /// As the client's own record has it.
    pub(super) phone: Option<String>,
    /// As it was typed when booking: the same number in one notation or another.
    pub(super) typed_phone: Option<String>,
    pub(super) email: Option<String>,
    pub(super) zone: Tz,
    pub(super) country: &'static str,
    pub(super) city: &'static str,
    pub(super) age: i64,
    pub(super) gender: &'static str,
    /// Name, relation, number.
    pub(super) emergency: Option<(String, &'static str, String)>,
}

/// A therapist.
#[derive(Debug)]
pub(super) struct Therapist {
    /// `therapist_id`.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) username: String,
    pub(super) email: String,
    pub(super) phone: String,
    /// Sessions begin at half past instead of at the full hour.
    pub(super) half_past: bool,
}

/// Clients that share a telephone with the one before them.
pub(super) fn is_partner(client: usize) -> bool {
    client % 40 == 1
}

/// `client_id`.
pub(super) fn client_id(client: usize) -> String {
    format!("CL-{:06}", client + 1)
}

impl Client {
    /// The client of this number in a practice of about `clients`.
    pub(super) fn of(client: usize, clients: usize) -> Self {
        let mut random = Random::of(Topic::Client, client);
        let partner = is_partner(client);
        let female = random.percent(60);
        let (female, surname) = if partner {
            let mut other = Random::of(Topic::Client, client - 1);
            (!other.percent(60), other.pick(&SURNAMES))
        } else {
            (female, random.pick(&SURNAMES))
        };
        let first = random.pick(if female { &WOMEN } else { &MEN });
        let special = client % 37 == 5;
        let name = if special { random.pick(&UNUSUAL).to_owned() } else { format!("{first} {surname}") };

        let number = phone_number(if partner { client - 1 } else { client }, clients);
        let without_phone = client % 50 == 7;
        let email = match client % 33 {
            3 => Some("na".to_owned()),
            9 => Some("none".to_owned()),
            15 => Some(String::new()),
            21 => None,
            _ if special => Some(format!("client{client}@example.org")),
            27 => Some(format!("{first}.{surname}{client}@Example.org")),
            _ => Some(format!("{first}.{surname}{client}@example.org").to_lowercase()),
        };
        let (zone, country, city) =
            if random.percent(8) { random.pick(&ABROAD) } else { (Tz::Asia__Kolkata, "India", random.pick(&CITIES)) };
        let relative = format!("{} {surname}", random.pick(if female { &MEN } else { &WOMEN }));
        let relation = random.pick(&["Spouse", "Parent", "Sibling", "Friend"]);
        Self {
            name,
            phone: (!without_phone).then(|| format!("+91{number}")),
            typed_phone: (!without_phone).then(|| typed(&number, client)),
            email,
            zone,
            country,
            city,
            age: random.between(16, 67),
            gender: if female { "Female" } else { "Male" },
            emergency: random.percent(40).then(|| (relative, relation, format!("+9196{}", &number[2..]))),
        }
    }
}

/// Ten digits, another for each client.
fn phone_number(client: usize, clients: usize) -> String {
    // Multiplied by a number without common divisor: each occurs once, but neighbours look unlike.
    if clients <= 90_000 {
        format!("98000{:05}", client * 76_543 % 100_000)
    } else {
        format!("980{:07}", client * 7_654_321 % 10_000_000)
    }
}

fn typed(number: &str, client: usize) -> String {
    let (head, tail) = number.split_at(5);
    match client % 7 {
        1 => format!("+91 {head} {tail}"),
        3 => number.to_owned(),
        4 => format!("0{head} {tail}"),
        5 => format!("+91-{head}-{tail}"),
        _ => format!("+91{number}"),
    }
}

impl Therapist {
    /// The therapist of this number.
    pub(super) fn of(therapist: usize) -> Self {
        let mut random = Random::of(Topic::Therapist, therapist);
        // The first ones differ in both names; later, surnames repeat with other first names.
        let first = if therapist % 4 == 3 { MEN[therapist % MEN.len()] } else { WOMEN[therapist % WOMEN.len()] };
        let surname = SURNAMES[(therapist * 7 + therapist / WOMEN.len()) % SURNAMES.len()];
        let round = therapist / (WOMEN.len() * SURNAMES.len());
        let again = if round == 0 { String::new() } else { round.to_string() };
        let username = format!("{first}.{surname}{again}").to_lowercase();
        Self {
            id: (58_701 + therapist).to_string(),
            name: format!("{first} {surname}"),
            email: format!("{username}@example.org"),
            username,
            phone: format!("+9197000{:05}", therapist * 76_543 % 100_000),
            half_past: random.percent(40),
        }
    }
}

/// The two who run the practice: user name and name.
pub(super) const ADMINS: [(&str, &str); 2] =
    [("meher.contractor", "Meher Contractor"), ("joel.lyngdoh", "Joel Lyngdoh")];

const WOMEN: [&str; 40] = [
    "Asha", "Meera", "Kavya", "Ananya", "Priya", "Nandini", "Lakshmi", "Ishita", "Ritu", "Sanya", "Divya", "Pooja",
    "Shreya", "Tara", "Zoya", "Farah", "Gauri", "Hema", "Indira", "Jaya", "Kiran", "Leela", "Madhuri", "Neha",
    "Ojasvi", "Pallavi", "Radha", "Sunita", "Tanvi", "Uma", "Vidya", "Yamini", "Aditi", "Bhavna", "Chitra", "Deepa",
    "Esha", "Fatima", "Geetha", "Harini",
];

const MEN: [&str; 40] = [
    "Arjun", "Rohan", "Vikram", "Karthik", "Aditya", "Sameer", "Imran", "Joseph", "Manoj", "Nikhil", "Rahul", "Suresh",
    "Tarun", "Varun", "Yash", "Amit", "Bharat", "Chetan", "Dev", "Eshan", "Farhan", "Gautam", "Harsh", "Ishaan",
    "Jatin", "Kunal", "Lokesh", "Mohan", "Naveen", "Omkar", "Pranav", "Ravi", "Sanjay", "Tejas", "Uday", "Vivek",
    "Wasim", "Abhay", "Balaji", "Cyrus",
];

const SURNAMES: [&str; 50] = [
    "Rao",
    "Sharma",
    "Iyer",
    "Nair",
    "Menon",
    "Patel",
    "Shah",
    "Mehta",
    "Gupta",
    "Singh",
    "Kaur",
    "Reddy",
    "Naidu",
    "Pillai",
    "Das",
    "Sen",
    "Bose",
    "Ghosh",
    "Banerjee",
    "Joshi",
    "Kulkarni",
    "Deshpande",
    "Patil",
    "Chavan",
    "Khan",
    "Ansari",
    "Shaikh",
    "Fernandes",
    "Dsouza",
    "Thomas",
    "George",
    "Mathew",
    "Varghese",
    "Krishnan",
    "Subramanian",
    "Raman",
    "Hegde",
    "Shetty",
    "Gowda",
    "Bhat",
    "Mishra",
    "Tiwari",
    "Pandey",
    "Verma",
    "Chauhan",
    "Malhotra",
    "Kapoor",
    "Bhatia",
    "Barua",
    "Sangma",
];

/// Names that programs stumble over.
const UNUSUAL: [&str; 14] = [
    "आशा शर्मा",
    "मीरा जोशी",
    "ऋषि कुमार त्रिपाठी",
    "கவிதா சுப்ரமணியன்",
    "அருண் குமார்",
    "Riya 🌸 Sen",
    "Dev 👨‍👩‍👧 Kapoor",
    "সুমিতা ঘোষ",
    "O'Neil D'Souza",
    "  Spaced   Out  ",
    "Anu \"Annie\" K. \\ Paul",
    "Venkata Narasimha Rajuvaripeta Lakshmi Satyanarayana Subrahmanya Sastry Chakravarthula Ramachandra Murthy of the \
     Household of Kondapalli and Machilipatnam",
    "Thiruvananthapuram Padmanabhaswamy Sreekumaran Thampi Neelakantan Unnikrishnan Namboothiripad Bhattathirippadu, \
     daughter of Savithri Antharjanam and elder sister of Parameswaran, called Ammu",
    "Ó Süßkind-Ångström Nair",
];

const CITIES: [&str; 8] = ["Bengaluru", "Mumbai", "Delhi", "Chennai", "Pune", "Hyderabad", "Kolkata", "Kochi"];

const ABROAD: [(Tz, &str, &str); 7] = [
    (Tz::Asia__Dubai, "United Arab Emirates", "Dubai"),
    (Tz::Asia__Singapore, "Singapore", "Singapore"),
    (Tz::Europe__London, "United Kingdom", "London"),
    (Tz::America__New_York, "United States", "New York"),
    (Tz::Asia__Kathmandu, "Nepal", "Kathmandu"),
    (Tz::Australia__Sydney, "Australia", "Sydney"),
    (Tz::America__Los_Angeles, "United States", "San Francisco"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nobody_shares_a_telephone_but_couples() {
        for clients in [400, 133_000] {
            let mut seen = HashSet::new();
            for client in (0..clients).filter(|client| !is_partner(*client)) {
                assert!(seen.insert(phone_number(client, clients)));
            }
            let (one, other) = (Client::of(40, clients), Client::of(41, clients));
            assert_eq!(one.phone, other.phone);
            assert_ne!(one.name, other.name);
        }
    }

    #[test]
    fn telephone_numbers_are_valid_in_every_notation() {
        for client in 0..400 {
            let person = Client::of(client, 400);
            let relative = person.emergency.map(|(.., number)| number);
            for number in [person.phone, person.typed_phone, relative].into_iter().flatten() {
                let parsed = phonenumber::parse(Some(phonenumber::country::IN), &number).expect("a number");
                assert!(phonenumber::is_valid(&parsed), "{number}");
            }
        }
        for therapist in 0..300 {
            let number = Therapist::of(therapist).phone;
            let parsed = phonenumber::parse(None, &number).expect("a number");
            assert!(phonenumber::is_valid(&parsed), "{number}");
        }
    }

    #[test]
    fn user_names_differ() {
        let mut seen: HashSet<_> = ADMINS.iter().map(|(username, _)| (*username).to_owned()).collect();
        for therapist in 0..5_000 {
            assert!(seen.insert(Therapist::of(therapist).username), "{therapist}");
        }
    }
}
