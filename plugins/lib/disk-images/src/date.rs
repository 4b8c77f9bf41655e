//! Dates of the calendar, from seconds since 1970.

/// A date and time of day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

impl Date {
    /// The date of seconds since 1970.
    pub fn of(seconds: u32) -> Self {
        let (mut days, time) = (seconds / 86_400, seconds % 86_400);
        let leap = |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let mut year = 1970;
        while days >= 365 + u32::from(leap(year)) {
            days -= 365 + u32::from(leap(year));
            year += 1;
        }
        let february = 28 + u32::from(leap(year));
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        // 2^32 seconds end in the year 2106: all fit.
        Self {
            year: year as u16,
            month,
            day: days as u8 + 1,
            hour: (time / 3600) as u8,
            minute: (time / 60 % 60) as u8,
            second: (time % 60) as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn days_are_counted_through_leap_years() {
        let cases = [
            (0, (1970, 1, 1, 0, 0, 0)),
            (951_782_399, (2000, 2, 28, 23, 59, 59)),
            (951_782_400, (2000, 2, 29, 0, 0, 0)),
            (1_735_689_599, (2024, 12, 31, 23, 59, 59)),
            (u32::MAX, (2106, 2, 7, 6, 28, 15)),
        ];
        for (seconds, (year, month, day, hour, minute, second)) in cases {
            assert_eq!(Date::of(seconds), Date { year, month, day, hour, minute, second }, "{seconds}");
        }
    }
}
