"""Croissant: the machine-readable description of a published copy, JSON-LD of version 1.0.

Source: MLCommons Croissant format specification, http://mlcommons.org/croissant/1.0.
"""

from __future__ import annotations

import json

import pyarrow as pa

from bench.hub.contents import SHARDS, Contents
from bench.store import SCHEMA, SCHEMA_VERSION
from bench.tasks import Dataset

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
TYPES = {
    pa.string(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.int32(): "sc:Integer",
    pa.int64(): "sc:Integer",
    pa.float32(): "sc:Float",
    pa.float64(): "sc:Float",
}
PARQUET = "application/x-parquet"
LICENCE_PAGES = {
    "Apache-2.0": "https://spdx.org/licenses/Apache-2.0.html",
    "MIT": "https://spdx.org/licenses/MIT.html",
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC BY-NC-SA 4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
}


def croissant(dataset: Dataset, listed: Contents) -> str:
    """Return croissant.json: every Parquet file with its SHA-256, and the columns of a recording."""
    files = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{listed.files[name].bytes} B",
            "encodingFormat": PARQUET,
            "sha256": listed.files[name].sha256,
        }
        for name in listed.shards
    ]
    together = {"@type": "cr:FileSet", "@id": "shards", "encodingFormat": PARQUET, "includes": SHARDS}
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": dataset.name,
        "version": f"{SCHEMA_VERSION}.0.0",
        "description": ("Simulated: no animal was recorded. " if dataset.simulated else "") + dataset.title,
        "license": LICENCE_PAGES.get(dataset.licence, dataset.licence),
        **({"url": dataset.url} if dataset.url else {}),
        "citeAs": dataset.citation,
        "distribution": [*files, together],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "recordings",
                "name": "recordings",
                "description": "One row is one recording; lists are flat, frame by frame.",
                "key": {"@id": "recordings/id"},
                "field": [_field(column) for column in SCHEMA],
            }
        ],
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _field(column: pa.Field) -> dict[str, object]:
    listed = pa.types.is_list(column.type)
    return {
        "@type": "cr:Field",
        "@id": f"recordings/{column.name}",
        "name": column.name,
        "dataType": TYPES[column.type.value_type if listed else column.type],
        **({"repeated": True} if listed else {}),
        "source": {"fileSet": {"@id": "shards"}, "extract": {"column": column.name}},
    }
