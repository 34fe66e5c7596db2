#include "net/messages/create_topics.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::create_topics_request);
KARST_DEFINE_MESSAGE(karst::net::create_topics_response);
