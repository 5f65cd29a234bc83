# What it brought about is the region's to keep: people use it.
{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('cloud', [], pillar.cloud.packages, files=['/usr/local/lib/cloud']) }}
