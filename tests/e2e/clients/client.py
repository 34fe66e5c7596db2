"""What tells the clients of the matrix apart."""

from records import CODECS

ACKS = ("0", "1", "all", "idempotent")


class Client:
    language = ""
    library = ""
    plain = False  # sends neither headers per record, nor nulls, nor timestamps
    codecs = CODECS  # those that its producer has
    reads = CODECS  # those that its consumer has
    acks = ACKS  # those that its producer has
    empty_is_null = False  # its consumer cannot tell an empty value from none
    last_header_only = False  # keeps headers in a map by name
    drops_when_leaving = False  # commits what it has fetched but not shown when it is told to end
    hammer_is_idempotent = True  # the program that counts while its broker dies

    def version(self) -> str:
        """Which one is tested, as the project pins it."""
        raise NotImplementedError

    def hammer(self, *arguments) -> list[str]:
        """The command that counts until its stdin closes; see JavaHammer."""
        raise NotImplementedError

    def member(self, *arguments) -> list[str]:
        """The command that is a member of a group until its stdin closes; see JavaMember."""
        raise NotImplementedError
