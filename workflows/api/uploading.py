"""Where the bytes of an upload wait while it is received."""

import contextlib

from django.core.files.uploadhandler import TemporaryFileUploadHandler


class UploadHandler(TemporaryFileUploadHandler):
    """Django's, which leaves a file that does not fit on the disk until its memory is tidied up."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a part; without room for it nothing stays."""
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:
            with contextlib.suppress(OSError):  # what is buffered does not fit either
                self.file.close()
            raise
