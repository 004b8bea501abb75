//! Enums of plain cases, each with its name: cases, names and the list of them all come from one place.

/// `ALL` and `as_str` for an enum whose cases have names, so that no list lacks a case.
#[macro_export]
macro_rules! named {
    ($(#[$attribute:meta])* $vis:vis enum $type:ident {
        $($(#[$of_case:meta])* $case:ident = $name:literal,)*
    }) => {
        $(#[$attribute])*
        $vis enum $type { $($(#[$of_case])* $case,)* }

        impl $type {
            $vis const ALL: [Self; [$($name),*].len()] = [$(Self::$case),*];

            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $name,)* }
            }
        }
    };
}
