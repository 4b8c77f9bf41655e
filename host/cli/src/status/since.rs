//! The time of `--since`.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use modsmith_core::error::{Error, Kind, Result};

/// A point in time, as people write it: `2026-11-27`, `2026-11-27 20:15`, with a time zone,
/// or how long ago, as `2 days`, `1h`.
pub fn since(text: &str) -> Result<Timestamp> {
    at(text.trim(), &Zoned::now()).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{text}` is not a time."))
            .hint("Write a date as 2026-11-27, a time as 2026-11-27T20:15, or how long ago, as '2 days'.")
    })
}

fn at(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // A date alone is parsed as its first moment.
    let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(Date::into)).ok();
    if let Some(civil) = civil {
        return civil.to_zoned(TimeZone::system()).ok().map(|time| time.timestamp());
    }
    let span: Span = text.parse().ok()?;
    now.checked_sub(span.abs()).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_spans_are_times() {
        let now: Zoned = "2026-11-27T20:00:00[UTC]".parse().unwrap();
        let day = "2026-11-25T20:00:00Z".parse::<Timestamp>().ok();
        for text in ["2 days", "2d", "48h", "2 days ago", "2026-11-25T20:00:00Z"] {
            assert_eq!(at(text, &now), day, "{text}");
        }
        let midnight = "2026-11-25".parse::<Date>().unwrap().to_zoned(TimeZone::system()).unwrap().timestamp();
        assert_eq!(at("2026-11-25", &now), Some(midnight));
        assert_eq!(at("yesterdayish", &now), None);
        assert!(since("").is_err());
    }
}
