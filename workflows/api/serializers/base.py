"""What all serializers of requests share: unknown fields are errors, flags are Y or N."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.settings import api_settings


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know and names those it does."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            allowed = sorted(name for name, field in self.fields.items() if not field.read_only)
            unknown = {
                str(name): [f"unknown field; allowed are: {', '.join(allowed) or 'none'}"]
                for name in data
                if name not in allowed
            }
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)

    @classmethod
    def body(cls, request: Request, **options: Any) -> dict[str, Any]:
        """Return the validated body of a request under the service's names."""
        return cls._validated(request.data, **options)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return validated fields, those of a form say."""
        return cls._validated(fields)

    @classmethod
    def query(cls, request: Request) -> dict[str, Any]:
        """Return the validated query parameters of a request; `format` has done its work before."""
        given = request.query_params.dict()
        given.pop(api_settings.URL_FORMAT_OVERRIDE, None)
        return cls._validated(given)

    @classmethod
    def _validated(cls, given: Any, **options: Any) -> dict[str, Any]:
        serializer = cls(data=given, **options)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class FlagField(serializers.ChoiceField):
    """A boolean that the API writes as Y and N."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=["Y", "N"], **options)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(data) == "Y"

    def to_representation(self, value: Any) -> str:
        return "Y" if value in (True, "Y") else "N"
