//! Two code paths side by side, from the listing that documents hold.

/// Two code paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// What the left one is.
    pub left: String,
    /// What the right one is.
    pub right: String,
    /// The rows: where each stands, left and right.
    pub rows: Vec<(Side, String, String)>,
}

/// Which side a row is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both have it.
    Both,
    /// The left one alone.
    Left,
    /// The right one alone.
    Right,
    /// Each has another one.
    Changed,
    /// Steps that are not listed.
    Skipped,
}

impl Paths {
    /// Reads a listing in the manner of a unified diff: `-` and `+` in front of what one side has, `@` where equal
    /// steps are left out. A step that is taken away and one that is added right behind it face each other.
    #[must_use]
    pub fn of_listing(left: &str, right: &str, listing: &str) -> Self {
        let mut rows: Vec<(Side, String, String)> = Vec::new();
        // Rows of the left side that wait for one of the right.
        let mut open = 0;
        for line in listing.lines() {
            let text = |sign: usize| line.get(sign..).unwrap_or_default().trim().to_owned();
            match line.chars().next() {
                Some('-') => {
                    rows.push((Side::Left, text(1), String::new()));
                    open += 1;
                    continue;
                }
                Some('+') if open > 0 => {
                    let at = rows.len() - open;
                    rows[at].0 = Side::Changed;
                    rows[at].2 = text(1);
                    open -= 1;
                    continue;
                }
                Some('+') => rows.push((Side::Right, String::new(), text(1))),
                Some('@') => rows.push((Side::Skipped, text(1), text(1))),
                Some(_) => rows.push((Side::Both, text(0), text(0))),
                None => {}
            }
            open = 0;
        }
        Self { left: left.to_owned(), right: right.to_owned(), rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_faces_what_it_was() {
        let listing =
            " open\n-read 4096\n-read 1\n+read 8192    <- size: larger\n lock\n+close\n@ 3 equal steps\n";
        let rows = Paths::of_listing("a", "b", listing).rows;
        let row = |side, left: &str, right: &str| (side, left.to_owned(), right.to_owned());
        assert_eq!(
            rows,
            [
                row(Side::Both, "open", "open"),
                row(Side::Changed, "read 4096", "read 8192    <- size: larger"),
                row(Side::Left, "read 1", ""),
                row(Side::Both, "lock", "lock"),
                row(Side::Right, "", "close"),
                row(Side::Skipped, "3 equal steps", "3 equal steps"),
            ]
        );
    }
}
